"""A mail server for tests: what it takes becomes a file in its folder, and the recipient's name says what happens.

    smtp_server.py FOLDER PORT [--tls wrapped|starttls --certificate FILE --key FILE] [--user NAME --password WORD]

nobody…   550 5.1.1 at the recipient          busy…    451 4.7.1 at the recipient, once each
says+X    the reply under X in FOLDER/replies at the recipient, one a line as "X REPLY"
spam…     554 5.7.1 at the end of the data    cut…     taken, and the connection cut instead of an answer, once each
anybody else is taken. Prints its port when it is ready.
"""

import argparse
import asyncio
import base64
import json
import os
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self, folder):
        self.folder = folder
        self.known = set()
        self.number = 0

    def first_time(self, address):
        is_first = address not in self.known
        self.known.add(address)
        return is_first

    def reply(self, name):
        with open(os.path.join(self.folder, "replies")) as file:
            return dict(line.rstrip("\n").split(" ", 1) for line in file)[name]

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return f"550-5.1.1 <{address}>: Recipient address rejected:\r\n550 5.1.1 User unknown in virtual mailbox table"
        if address.startswith("says+"):
            return self.reply(address.removeprefix("says+").partition("@")[0])
        if address.startswith("busy") and self.first_time(address):
            return "451 4.7.1 Greylisting in action, please come back later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        recipient = envelope.rcpt_tos[0]
        if recipient.startswith("spam"):
            return "554 5.7.1 Message refused: it looks like spam"
        self.store(server, session, envelope)
        if recipient.startswith("cut") and self.first_time(recipient):
            server.transport.abort()
            return "421 4.3.0 never read by anyone"
        return f"250 2.0.0 Ok: queued as 4XkQ2c{self.number:04}"

    def store(self, server, session, envelope):
        encryption = server.transport.get_extra_info("ssl_object")
        login = session.auth_data
        mail = {
            "hello": session.host_name,
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "encryption": encryption.version() if encryption else None,
            "user": login.login.decode() if login else None,
            "content": base64.b64encode(envelope.content).decode(),
        }
        self.number += 1
        path = os.path.join(self.folder, f"{self.number:04}.json")
        with open(path + ".part", "w") as file:
            json.dump(mail, file)
        os.rename(path + ".part", path)


def authenticator(user, password):
    def check(server, session, envelope, mechanism, data):
        is_right = (data.login.decode(), data.password.decode()) == (user, password)
        return AuthResult(success=is_right, handled=False, auth_data=data if is_right else None)

    return check


async def serve(arguments):
    context = None
    if arguments.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
    wrapped = arguments.tls == "wrapped"
    needs_login = arguments.user is not None
    handler = Handler(arguments.folder)

    def session():
        return SMTP(
            handler,
            hostname="mail.test",
            enable_SMTPUTF8=True,
            tls_context=None if wrapped else context,
            require_starttls=arguments.tls == "starttls",
            auth_required=needs_login,
            auth_require_tls=arguments.tls == "starttls",
            authenticator=authenticator(arguments.user, arguments.password) if needs_login else None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(session, "127.0.0.1", arguments.port, ssl=context if wrapped else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("port", type=int)
parser.add_argument("--tls", choices=["wrapped", "starttls"])
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
asyncio.run(serve(parser.parse_args()))
