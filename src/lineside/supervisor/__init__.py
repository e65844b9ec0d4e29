"""What watches a training from outside, and starts it again: `lineside run` and `lineside watch`.

A process that the kernel kills sends no alert, and one that hangs knows nothing of it. So a second, small process looks
after the first. It loads no framework, no database and no terminal library; what is heavy (sending, above all) is done
by children that live for moments. `__main__` is its entry, `supervise` its story.
"""
