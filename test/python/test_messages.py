"""The pure parts of zcontext.py: names, envelopes, retries, batches, claim checks, addresses."""

import os
import tempfile
import time
import unittest
import uuid

import zcontext
from zcontext import BusError, Claims, FileStorage, Lineage, Retry, Said


class Names(unittest.TestCase):
    def test_a_name_is_split_at_its_first_dot(self):
        self.assertEqual(zcontext.split_name("a.b.c", "", ""), ("a", "b.c"))

    def test_what_is_no_name_is_refused_with_its_code(self):
        for name in ("nodot", ".b", "a.", "a b.c", "a.\u200b", "a.b\n", "a." + "x" * 201):
            with self.assertRaises(BusError) as caught:
                zcontext.check_event_name(name)
            self.assertEqual(caught.exception.code, "ERR_EVENT_NAME")

    def test_the_address_of_a_task_is_one_word_without_a_dot(self):
        self.assertEqual(zcontext.address_of("ts.1", "T 1@ü"), "ts%2E1@T%201%40%C3%BC")


class Envelopes(unittest.TestCase):
    def test_ids_are_of_version_7_and_sorted_by_time(self):
        ids = [zcontext.uuid7(at) for at in (0, 1, 1_700_000_000_000, 2**48 - 1)]

        self.assertEqual([uuid.UUID(each).version for each in ids], [7] * 4)
        self.assertEqual({uuid.UUID(each).variant for each in ids}, {uuid.RFC_4122})
        self.assertEqual(ids, sorted(ids))

    def test_a_span_is_below_its_parent_and_a_trace_begins_without_one(self):
        parent = f"00-{'a' * 32}-{'b' * 16}-00"

        self.assertRegex(zcontext.child_trace(parent), f"^00-{'a' * 32}-(?!{'b' * 16})[0-9a-f]{{16}}-00$")
        self.assertRegex(zcontext.child_trace("nonsense"), "^00-[0-9a-f]{32}-[0-9a-f]{16}-01$")

    def test_what_follows_from_a_message_has_its_session_and_trace(self):
        lineage = Lineage("s1", f"00-{'a' * 32}-{'b' * 16}-01")

        first, second = zcontext.new_envelope("me", None), zcontext.new_envelope("me", lineage)

        self.assertEqual(first["session_id"], first["id"])
        self.assertEqual(second["session_id"], "s1")
        self.assertTrue(second["traceparent"].startswith(f"00-{'a' * 32}-"))
        self.assertNotIn("ttl_ms", zcontext.new_envelope("me", None, ttl_ms=None))


class Retries(unittest.TestCase):
    def test_delays_double_up_to_the_longest_and_end_with_the_attempts(self):
        retry = Retry(attempts=5, min_delay_s=1, max_delay_s=3, jitter=0)

        delays = [retry.delay_after(attempt) for attempt in range(1, 6)]

        self.assertEqual(delays, [1, 2, 3, 3, None])

    def test_jitter_is_a_part_of_the_delay(self):
        delays = [Retry(min_delay_s=1, jitter=0.2).delay_after(1) for _ in range(200)]

        self.assertTrue(all(0.8 <= delay <= 1.2 for delay in delays))
        self.assertGreater(len(set(delays)), 1)


class Batches(unittest.TestCase):
    def test_bodies_follow_one_another(self):
        items = [
            Said({"op": "emit", "size": 2}, b"ab"),
            Said({"op": "bye"}),
            Said({"size": 1}, b"c"),
        ]

        head, bodies = zcontext.encode_batch(7, items)

        self.assertEqual(head, b'[7,0,[{"op":"emit","size":2},{"op":"bye"},{"size":1}]]')
        self.assertEqual(bodies, b"abc")

    def test_what_the_broker_says_is_read_with_its_bodies(self):
        head = '[3,7,[{"op":"done","n":1},{"op":"result","n":2,"size":2},{"op":"x","size":1}]]'

        done, items = zcontext.decode_batch([head.encode(), b"abc"])

        self.assertEqual(done, 7)
        self.assertEqual([body for _, body in items], [b"", b"ab", b"c"])

    def test_an_envelope_stands_before_its_body(self):
        sizes, parcel = zcontext.pack({"id": "ü"}, b"body")

        self.assertEqual(sizes, {"head": 11, "size": 15})
        self.assertEqual(zcontext.unpack(sizes, parcel), ({"id": "ü"}, b"body"))
        for nonsense in (b"{", b"[]", b"{}", b'{"id":1}', b"\xff"):
            with self.assertRaises(ValueError):
                zcontext.unpack({"head": len(nonsense)}, nonsense + b"body")

    def test_text_that_utf_8_can_not_write_is_escaped(self):
        self.assertEqual(zcontext.to_json("x", "ü"), '"ü"'.encode())
        self.assertEqual(zcontext.to_json("x", "\ud800"), b'"\\ud800"')
        for value in (float("nan"), {1, 2}, object()):
            with self.assertRaises(ValueError):
                zcontext.to_json("x", value)


class ClaimChecks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.claims = Claims(lambda: self.folder)

    def test_1_mib_travels_whole_and_one_byte_more_is_stored(self):
        whole, more = b"x" * 1_048_576, b"x" * 1_048_577

        claim = self.claims.check_in(more, 60)

        self.assertIs(self.claims.check_in(whole, 60), whole)
        self.assertRegex(claim, rb'^{"token":"[0-9a-f]{32}-[0-9a-z]+","is_stored":true}$')
        self.assertEqual([self.claims.fetch(claim), self.claims.fetch(claim)], [more, more])

    def test_one_that_has_expired_is_an_error(self):
        claim = self.claims.check_in(b"x" * 1_048_577, -1)

        with self.assertRaises(BusError) as caught:
            self.claims.fetch(claim)
        self.assertEqual(caught.exception.code, "ERR_CLAIM_EXPIRED")

    def test_without_a_store_a_large_body_is_refused(self):
        with self.assertRaises(BusError) as caught:
            Claims(lambda: None).check_in(b"x" * 1_048_577, 60)
        self.assertEqual(caught.exception.code, "ERR_MESSAGE_TOO_LARGE")

    def test_a_token_leads_to_no_other_folder(self):
        for token in ("../secret", "a" * 32 + "-/../x", "a" * 32):
            self.assertIsNone(FileStorage(self.folder).recover(token))

    def test_a_body_that_only_looks_like_a_claim_is_itself(self):
        for body in (
            b'{"is_stored":true}',
            b'{"token":"x","is_stored":true,"more":1}',
            b'["is_stored"]',
        ):
            self.assertEqual(self.claims.fetch(body), body)

    def test_expired_files_are_removed_while_storing(self):
        store = FileStorage(self.folder)
        store.store(b"old", -1)
        FileStorage._next_sweep.clear()

        token = store.store(b"new", 60)

        self.assertEqual(os.listdir(self.folder), [token])
        self.assertLess(time.time(), zcontext.expiry_of(token))


class Failures(unittest.TestCase):
    def test_an_error_keeps_what_a_caller_can_act_on(self):
        error = zcontext.ServiceError("OUT", "none", details=[1], retryable=True)

        self.assertEqual(
            zcontext.failure_of(error),
            {
                **{"code": "OUT", "message": "none", "retryable": True, "details": [1]},
                **{"executed": "yes", "remote": {"name": "ServiceError"}},
            },
        )

    def test_an_unexpected_one_keeps_class_and_message_and_its_stack_where_asked_for(self):
        failure = zcontext.failure_of(KeyError("x"), with_stack=True)

        self.assertEqual((failure["code"], failure["message"]), ("ERR_SERVICE_FAILED", "'x'"))
        self.assertEqual(failure["remote"]["name"], "KeyError")
        self.assertIn("KeyError: 'x'", failure["remote"]["stack"])


if __name__ == "__main__":
    unittest.main()
