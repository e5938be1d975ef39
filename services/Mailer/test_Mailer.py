"""Tests of Mailer: python3 -m unittest discover <this folder>

They need neither ZeroMQ nor a provider. This file is yours: create-service never replaces it.
"""

import unittest

if __package__:
    from .ServiceMailer import rehearse
else:
    from ServiceMailer import rehearse


class TestMailer(unittest.TestCase):
    def test_it_mails_to_whom_has_a_mailbox(self):
        rehearsal = rehearse(configuration={})

        self.assertEqual(rehearsal.event("invoices.created", {"id": 1, "customer": "ada"}), "ack")
        invoice = {"id": 4, "customer": "mallory"}
        self.assertEqual(rehearsal.event("invoices.created", invoice), "dead")
        rehearsal.call("add_mailbox", {"customer": "mallory"})
        self.assertEqual(rehearsal.event("invoices.created", invoice), "ack")


if __name__ == "__main__":
    unittest.main()
