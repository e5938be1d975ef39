"""Runs a program on a terminal of its own, and copies what it prints and what is typed.

    terminal.py COLUMNS PROGRAM [WORD ...]

The end of stdin ends the program, at once. `ESC [ 8 ; ROWS ; COLUMNS t` among what is typed gives the terminal another
size, as it does where a program prints it to a real one. Exits as the program does.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios

ROWS = 50
SIZE = re.compile(rb"\x1b\[8;(\d+);(\d+)t")


def main() -> int:
    columns, *command = sys.argv[1:]
    child, master = pty.fork()
    if child == 0:
        # Here, so that the program never sees another size.
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, int(columns), 0, 0))
        os.execvp(command[0], command)
    copy(child, master)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


def copy(child: int, master: int) -> None:
    keyboard = [0]
    while True:
        readable, _, _ = select.select([master, *keyboard], [], [])
        if master in readable:
            try:
                printed = os.read(master, 65536)
            except OSError:  # how Linux says that nobody has the terminal open any more
                return
            if not printed:  # how others say it
                return
            os.write(1, printed)
        if 0 in readable:
            typed = os.read(0, 65536)
            for rows, columns in SIZE.findall(typed):
                fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
            if typed:
                os.write(master, SIZE.sub(b"", typed))
            else:
                keyboard.clear()
                os.kill(child, signal.SIGKILL)


sys.exit(main())
