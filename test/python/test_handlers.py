"""Tasks with handlers, rehearsed without a provider and a broker."""

import contextlib
import io
import time
import unittest

from zcontext import (
    CallError,
    EventBus,
    Flag,
    Lineage,
    Membership,
    NonRetryableError,
    RehearsedBroker,
    Service,
    ServiceError,
    Signals,
    action,
    event,
    method,
)


class Billing:
    def __init__(self):
        self.hooks = []

    def start(self, scope):
        self.hooks.append("start")

    @event("orders.created")
    @event("orders.changed")
    def order(self, event, scope):
        if event.content == "bad":
            raise NonRetryableError("never")
        if event.content == "later":
            raise ValueError("later")
        if event.content == "unwanted":
            return event.drop()
        scope.bus.emit("bills.made", {"for": event.content}, event.context)

    @method("get_invoice")
    def get_invoice(self, params, scope):
        if params == "missing":
            raise ServiceError("NO_SUCH", "none", details=params)
        return {"price": scope.bus.call("prices.get", params), "source": scope.source}

    @action
    def Remind(self, message, scope):
        return [message, scope.source]

    @action
    def Sleepy(self, message, scope):
        scope.sleep(3600)
        return "woke"


class Listening:
    kind = "single"

    def run(self, scope):
        def hear(content, signal):
            scope.bus.emit("heard.it", [content, signal.src, signal.attachments[0].decode()])

        scope.bus.subscribe("temperature", hear, queue="q")


class Signalled(unittest.TestCase):
    def test_a_signal_reaches_what_has_subscribed_to_its_topic(self):
        rehearsal = Service("ts001", "listening", "act", lambda: Listening).rehearse()

        rehearsal.signal("temperature", {"celsius": 21.5}, [b"picture"])
        rehearsal.signal("pressure")

        src = "rehearsal/rehearsal/rehearsal"
        self.assertEqual(rehearsal.emitted, [("heard.it", [{"celsius": 21.5}, src, "picture"], {})])


class Loud(Billing):
    @action
    def Remind(self, message, scope):
        return message.upper()

    def order(self, event, scope):
        """Without a decorator of its own it handles nothing."""


def rehearse(task, **options):
    return Service("ts001", "billing", "act", lambda: task).rehearse(**options)


class Handlers(unittest.TestCase):
    def test_an_event_reaches_its_handler_and_what_it_emits_is_seen(self):
        rehearsal = rehearse(Billing)

        verdicts = [
            rehearsal.event(name, content, {"tenant": "t1"})
            for name, content in [("orders.created", 7), ("orders.changed", 8)]
        ]

        self.assertEqual(verdicts, ["ack", "ack"])
        expected = [("bills.made", {"for": each}, {"tenant": "t1"}) for each in (7, 8)]
        self.assertEqual(rehearsal.emitted, expected)

    def test_a_return_an_exception_and_a_drop_are_verdicts(self):
        rehearsal = rehearse(Billing)

        contents = ("good", "later", "bad", "unwanted")
        verdicts = [rehearsal.event("orders.created", content) for content in contents]

        self.assertEqual(verdicts, ["ack", "again", "dead", "drop"])

    def test_a_method_answers_and_its_calls_get_the_answers_of_the_test(self):
        rehearsal = rehearse(Billing, answers={"prices.get": lambda params: params * 2})

        self.assertEqual(rehearsal.call("get_invoice", 4), {"price": 8, "source": "rehearsal"})
        self.assertEqual(rehearsal.called, [("prices.get", 4)])

    def test_an_error_of_a_method_keeps_its_code_and_details(self):
        with self.assertRaises(CallError) as caught:
            rehearse(Billing).call("get_invoice", "missing")

        error = caught.exception
        self.assertEqual((error.code, error.details, error.executed), ("NO_SUCH", "missing", "yes"))

    def test_a_call_without_an_answer_is_one_to_an_unknown_service(self):
        with self.assertRaises(CallError) as caught:
            rehearse(Billing).call("get_invoice", 4)

        self.assertEqual(caught.exception.code, "ERR_SERVICE_UNKNOWN")

    def test_an_action_gets_its_message_and_who_sends_it(self):
        self.assertEqual(rehearse(Billing).act("Remind", 1, source="shop"), [1, "shop"])

    def test_no_wait_of_a_handler_takes_time(self):
        self.assertEqual(rehearse(Billing).act("Sleepy"), "woke")

    def test_what_is_not_declared_can_not_be_called(self):
        rehearsal = rehearse(Billing)

        for name in ("__init__", "hooks", "start", "order"):
            with self.assertRaises(KeyError):
                rehearsal.call(name)
            with self.assertRaises(KeyError):
                rehearsal.act(name)

    def test_start_runs_before_and_is_an_action_as_well(self):
        task = Billing()
        rehearsal = rehearse(lambda: task)

        rehearsal.act("Start")

        self.assertEqual(task.hooks, ["start", "start"])

    def test_a_subclass_declares_what_it_overrides_anew(self):
        rehearsal = rehearse(Loud)

        self.assertEqual(rehearsal.act("Remind", "hey"), "HEY")
        with self.assertRaises(KeyError):
            rehearsal.event("orders.created")

    def test_a_private_action_is_refused_where_it_is_declared(self):
        def _hidden(self, message, scope):
            """For the service itself."""

        with self.assertRaises(TypeError):
            action(_hidden)

    def test_an_action_may_have_another_name_than_its_function(self):
        class Runner(Billing):
            @action("Run")
            def run_it(self, message, scope):
                return message

        self.assertEqual(rehearse(Runner).act("Run", 1), 1)

    def test_a_class_with_neither_run_nor_handlers_is_refused(self):
        with self.assertRaises(TypeError):
            rehearse(type("Empty", (), {}))


class Reports(unittest.TestCase):
    def test_they_are_printed_and_published(self):
        class Speaker(Billing):
            @action
            def Speak(self, message, scope):
                scope.debug("a")
                scope.throw_error("b", 7, "more")

        rehearsal = rehearse(Speaker)
        with contextlib.redirect_stdout(io.StringIO()) as out:
            with contextlib.redirect_stderr(io.StringIO()) as err:
                rehearsal.act("Speak")

        self.assertEqual(out.getvalue(), "[billing] DEBUG: a\n")
        self.assertEqual(err.getvalue(), "[billing] ERROR 7: b (more)\n")
        self.assertEqual(
            rehearsal.published,
            [
                ("log", {"level": "debug", "text": "a"}),
                ("log", {"level": "error", "text": "b", "code": 7, "description": "more"}),
            ],
        )


class Deadlines(unittest.TestCase):
    def bus_within(self, seconds):
        self.broker = RehearsedBroker({"a.b": 1})
        self.budgets = []
        answer = self.broker.call
        self.broker.call = lambda operation, envelope, body, budget_s, flags: (
            self.budgets.append(budget_s) or answer(operation, envelope, body, budget_s, flags)
        )
        lineage = Lineage("s", "t", time.monotonic() + seconds)
        return EventBus(Membership(self.broker, Signals(self.broker.src))).within(lineage, Flag())

    def test_a_call_has_no_more_time_than_what_is_handled(self):
        self.bus_within(600).call("a.b", timeout_s=3600)

        self.assertLessEqual(self.budgets[0], 600)

    def test_a_call_without_time_is_not_sent(self):
        with self.assertRaises(CallError) as caught:
            self.bus_within(-1).call("a.b")

        self.assertEqual(
            (caught.exception.code, caught.exception.executed), ("ERR_CALL_TIMEOUT", "no")
        )
        self.assertEqual(self.budgets, [])


if __name__ == "__main__":
    unittest.main()
