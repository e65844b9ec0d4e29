"""The ways on which alerts reach people: one file each, and `sender`, which chooses."""
