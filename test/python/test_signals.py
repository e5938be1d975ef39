"""How signals are counted, and whose turn they are in a queue."""

import unittest

import zcontext
from zcontext import HeardNews, HeardSignals, Seats


def hear(heard, sequences, incarnation="one", publisher="c/s/1"):
    for sequence in sequences:
        heard.hear(incarnation, sequence, {"src": publisher})


class Counted(unittest.TestCase):
    def setUp(self):
        self.heard = HeardSignals()

    def assert_counts(self, received, lost, publisher="c/s/1"):
        self.assertEqual(self.heard.counts()[publisher], (received, lost))

    def test_a_gap_shows_what_is_lost(self):
        hear(self.heard, [1, 2, 5, 9])
        self.assert_counts(4, 5)

    def test_signals_out_of_order_are_not_lost(self):
        hear(self.heard, [1, 4, 3, 2])
        self.assert_counts(4, 0)

    def test_counting_begins_with_the_first_that_is_heard(self):
        hear(self.heard, [500, 501])
        self.assert_counts(2, 0)

    def test_publishers_are_counted_apart_and_their_lives_together(self):
        hear(self.heard, [1, 3], "one", "c/s/1")
        hear(self.heard, [1, 2], "two", "c/s/1")
        hear(self.heard, [7], "three", "c/s/2")
        self.assert_counts(4, 1, "c/s/1")
        self.assert_counts(1, 0, "c/s/2")

    def test_the_last_ones_are_lost_once_all_before_must_have_arrived(self):
        hear(self.heard, [1, 2])
        self.heard.state("one", "c/s/1", 7, False)
        totals = self.heard.missing()
        self.assert_counts(2, 0)

        hear(self.heard, [3])
        self.heard.settle(totals)

        self.assert_counts(3, 4)
        self.assertEqual(self.heard.missing(), {})

    def test_nothing_is_said_of_what_is_stated_after_it_was_looked_at(self):
        hear(self.heard, [1])
        self.heard.state("one", "c/s/1", 2, False)
        totals = self.heard.missing()
        self.heard.state("one", "c/s/1", 5, False)

        self.heard.settle(totals)

        self.assert_counts(1, 1)
        self.assertEqual(self.heard.missing(), {"one": 5})

    def test_a_publisher_that_was_there_before_is_counted_from_what_it_states(self):
        self.heard.state("one", "c/s/1", 100, False)
        hear(self.heard, [103])
        self.assert_counts(1, 2)

    def test_a_statement_that_overtakes_signals_takes_none_for_lost(self):
        self.heard.state("one", "c/s/1", 102, False)
        hear(self.heard, [101, 102, 103])
        self.assert_counts(3, 0)

    def test_a_publisher_that_has_left_keeps_its_counts_and_needs_no_place(self):
        hear(self.heard, [1, 2])
        self.heard.state("one", "c/s/1", 3, True)
        self.heard.settle(self.heard.missing())
        self.assert_counts(2, 1)
        self.assertEqual(self.heard._lives, {})

    def test_what_was_never_heard_of_one_that_has_left_is_not_counted(self):
        self.heard.state("one", "c/s/1", 3, True)
        self.assertEqual(self.heard.counts(), {})

    def test_the_oldest_of_very_many_lives_is_taken_for_ended(self):
        for number in range(zcontext.MOST_LIVES + 5):
            hear(self.heard, [1, 3], str(number))
        self.assertEqual(len(self.heard._lives), zcontext.MOST_LIVES)
        self.assert_counts(2 * (zcontext.MOST_LIVES + 5), zcontext.MOST_LIVES + 5)


class News(unittest.TestCase):
    def test_what_was_said_is_said_once(self):
        count = {"topic": "t", "publisher": "c/s/1", "received": 90, "lost": 3}
        counts = [count]
        news = HeardNews(lambda: counts)

        self.assertEqual(news.take(), [count])
        self.assertEqual(news.take(), [])
        counts = [{**count, "received": 95}]
        self.assertEqual(news.take(), [{**count, "received": 5, "lost": 0}])

    def test_there_are_so_many_at_a_time_and_the_others_later(self):
        many = zcontext.MOST_HEARD + 1
        counts = [
            {"topic": str(n), "publisher": "p", "received": 1, "lost": 0} for n in range(many)
        ]
        news = HeardNews(lambda: counts)

        self.assertEqual([len(news.take()) for _ in range(3)], [zcontext.MOST_HEARD, 1, 0])


class Turns(unittest.TestCase):
    def test_hashes_are_those_of_typescript(self):
        self.assertEqual(zcontext.fnv(b""), 0x811C9DC5)
        self.assertEqual(zcontext.hash_of("foobar"), 0xBF9CF968)
        self.assertEqual([zcontext.mix(0, 1), zcontext.mix(0xFFFFFFFF, 2**33 + 7)], MIXED)

    def test_each_signal_has_one_seat_and_each_seat_a_share(self):
        seats = Seats()
        for name in "abc":
            seats.take(name, "q", 0)
        seats.take("d", "other", 0)
        turns = [seats.turn_of("q", zcontext.mix(1, n)) for n in range(3000)]
        self.assertTrue(all(turns.count(name) > 800 for name in "abc"))

        seats.leave("b")
        after = [seats.turn_of("q", zcontext.mix(1, n)) for n in range(3000)]
        self.assertTrue(all(a == b for a, b in zip(turns, after) if a != "b"))
        self.assertIsNone(seats.turn_of("nobody", 1))

    def test_the_silent_are_found_unless_all_silence_is_forgiven(self):
        seats = Seats()
        seats.take("a", "q", 10)
        seats.take("b", "q", 20)
        self.assertEqual(seats.silent_since(15), ["a"])
        seats.forgive(30)
        self.assertEqual(seats.silent_since(25), [])


#: As queue-seats.ts has them.
MIXED = [3328472367, 90397071]
