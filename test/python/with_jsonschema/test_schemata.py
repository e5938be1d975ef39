"""Schemata: what they refuse, and where. Needs jsonschema."""

import contextlib
import io
import sys
import unittest
from unittest import mock

import zcontext
from zcontext import BusError, CallError, Service, action, check_of, event, method

ORDER = {
    "type": "object",
    "properties": {"id": {"type": "number"}, "of": {"$ref": "#/$defs/name"}},
    "required": ["id"],
    "$defs": {"name": {"type": "string"}},
}


class Checks(unittest.TestCase):
    def test_say_what_is_wrong_and_where(self):
        check = check_of(ORDER, "an order")

        self.assertIsNone(check({"id": 7, "of": "us"}))
        self.assertEqual(check({}), "value: 'id' is a required property")
        self.assertEqual(check({"id": 7, "of": 8}), "value/of: 8 is not of type 'string'")
        self.assertLessEqual(len(check({"id": "x" * 100_000})), zcontext.LONGEST_PROBLEM)

    def test_are_of_every_draft(self):
        for draft in zcontext.DRAFTS:
            for named in (draft, f"{draft}#"):
                check = check_of({"$schema": named, "exclusiveMinimum": 3}, "a number")
                self.assertEqual([check(4), check(3) is None], [None, False])

    def test_may_be_true_or_false_and_need_not_be(self):
        self.assertIsNone(check_of(True, "anything")(1))
        self.assertIsNotNone(check_of(False, "nothing")(1))
        self.assertIsNone(check_of(None, "anything")(1))

    def test_refuse_what_is_no_schema(self):
        unknown = {"$schema": "http://json-schema.org/draft-04/schema#"}
        for schema, words in (({"type": "text"}, "'text'"), (unknown, "draft-04")):
            with self.assertRaisesRegex(BusError, f"the schema of an order.*{words}") as caught:
                check_of(schema, "an order")
            self.assertEqual(caught.exception.code, "ERR_SCHEMA_INVALID")

    def test_fetch_nothing(self):
        for reference in (
            "http://127.0.0.1:1/order.json",
            "file:///etc/hostname",
            "#/$defs/absent",
        ):
            check = check_of({"$ref": reference}, "an order")
            with mock.patch("urllib.request.urlopen", side_effect=AssertionError("fetched")):
                problem = check({})
            self.assertRegex(problem, "^its schema can't be applied: ")
            self.assertNotIn("fetched", problem)

    def test_without_the_package_say_what_to_install(self):
        with mock.patch.dict(sys.modules, {"jsonschema": None}):
            self.assertIsNone(check_of(None, "anything")(1))
            with self.assertRaisesRegex(BusError, "apt-get install python3-jsonschema"):
                check_of(ORDER, "an order")


class Billing:
    emits = {"bills.made": {"content": ORDER, "context": {"required": ["tenant"]}}}

    def __init__(self):
        self.handled = []

    @event("orders.created", content=ORDER, context={"type": "object"})
    def created(self, event, scope):
        scope.bus.emit("bills.made", event.content, event.context)

    @method("get_invoice", params=ORDER)
    def get_invoice(self, params, scope):
        return scope.bus.emit("orders.created", params["of"]) and None

    @action(message={"type": "string"})
    def Remind(self, message, scope):
        return message


class InATask(unittest.TestCase):
    def setUp(self):
        billing = Service("ts001", "billing", "act", lambda: Billing)
        self.rehearsal = billing.rehearse()
        self.said = self.enterContext_(contextlib.redirect_stderr(io.StringIO()))

    def enterContext_(self, context):
        value = context.__enter__()
        self.addCleanup(context.__exit__, None, None, None)
        return value

    def test_an_event_that_does_not_fit_is_a_dead_letter_and_not_handled(self):
        good = self.rehearsal.event("orders.created", {"id": 7}, {"tenant": "t1"})
        bad = [
            self.rehearsal.event("orders.created", {"id": "7"}),
            self.rehearsal.event("orders.created", {"id": 7}, []),
        ]

        self.assertEqual([good, *bad], ["ack", "dead", "dead"])
        self.assertEqual(self.rehearsal.emitted, [("bills.made", {"id": 7}, {"tenant": "t1"})])

    def test_what_is_emitted_must_fit_content_and_context(self):
        self.assertEqual(self.rehearsal.event("orders.created", {"id": 7}), "again")
        self.assertIn("event bills.made: context: value: 'tenant' is", self.said.getvalue())
        self.assertEqual(self.rehearsal.emitted, [])

    def test_what_is_emitted_by_the_name_of_an_own_event_must_fit_as_well(self):
        with self.assertRaises(CallError) as caught:
            self.rehearsal.call("get_invoice", {"id": 7, "of": "no order"})
        self.assertEqual(caught.exception.code, "ERR_EVENT_INVALID")

    def test_params_and_messages_that_do_not_fit_are_refused(self):
        for ask, executed in (
            (lambda: self.rehearsal.call("get_invoice", {}), "no"),
            (lambda: self.rehearsal.act("Remind", 7), "yes"),
        ):
            with self.assertRaisesRegex(CallError, "value: ") as caught:
                ask()
            self.assertEqual(caught.exception.code, "ERR_PARAMS_INVALID")
            self.assertEqual(caught.exception.executed, executed)
        self.assertEqual(self.rehearsal.act("Remind", "a"), "a")

    def test_a_task_with_a_bad_one_does_not_start(self):
        class Bad:
            @method("get", params={"type": "text"})
            def get(self, params, scope):
                return None

        class BadEmits:
            kind = "single"
            emits = {"a.b": {"content": {"type": "text"}}}

            def run(self, scope):
                scope.update()

        for bad, words in ((Bad, "method get"), (BadEmits, "event a.b")):
            with self.assertRaisesRegex(BusError, f"the schema of {words}"):
                Service("ts001", "bad", "act", lambda bad=bad: bad).rehearse()
