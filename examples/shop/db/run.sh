#!/bin/sh
# A database of one answer; runs until it is killed.
exec python3 -c '
import os, socketserver

class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(open("data/stock", "rb").read())

class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

Server(("", int(os.environ.get("CONTAINER_SQL", "5432"))), Answer).serve_forever()
'
