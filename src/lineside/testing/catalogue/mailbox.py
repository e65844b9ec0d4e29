"""A mail server on this machine that keeps what it is handed."""

from __future__ import annotations

import socketserver
import threading
from email import message_from_bytes, policy
from email.message import EmailMessage


class Mailbox:
    """Takes every mail, without a login and without TLS, until it is closed.

    Attributes:
        port: of 127.0.0.1.
        mails: what arrived.
    """

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        mails = self.mails

        class Session(socketserver.StreamRequestHandler):
            """One client: the commands of RFC 5321, of which all but DATA and QUIT are simply agreed to."""

            def handle(self) -> None:
                """Answer until it leaves."""
                self._say("220 mailbox")
                while line := self.rfile.readline():
                    command = line[:4].upper()
                    if command == b"DATA":
                        self._say("354 go on")
                        mails.append(message_from_bytes(self._mail(), policy=policy.default))
                    self._say("221 bye" if command == b"QUIT" else "250 ok")
                    if command == b"QUIT":
                        return

            def _mail(self) -> bytes:
                lines = iter(self.rfile.readline, b".\r\n")
                return b"".join(line[1:] if line.startswith(b"..") else line for line in lines)

            def _say(self, words: str) -> None:
                self.wfile.write(f"{words}\r\n".encode())

        return Session
