// Names that a service can't have, since they mean something else where the generator uses them: keywords of a language,
// modules of Python, devices of Windows, and files or instances of zcontext itself. Pure.

/** Of TypeScript modules and of Python 3: https://tc39.es/ecma262/#prod-ReservedWord, `keyword.kwlist`. */
const KEYWORDS = `
  arguments as async await break case catch class const constructor continue debugger default delete do else enum eval
  export extends false finally for from function if implements import in instanceof interface is let new null package
  private protected prototype public return static super switch this throw true try typeof var void while with yield
  False None True and assert def del elif except global lambda nonlocal not or pass raise`;

/** `sys.stdlib_module_names` and zcontext's: a file of such a name beside a Python program hides the module from its imports. */
const PYTHON_MODULES = `
  abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii bisect
  builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs codeop collections colorsys compileall
  compression concurrent configparser contextlib contextvars copy copyreg crypt csv ctypes curses dataclasses datetime dbm
  decimal difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput
  fnmatch fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac
  html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword lib2to3 linecache
  locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc
  nis nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb pickle pickletools
  pipes pkgutil platform plistlib poplib posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc
  pydoc_data pyexpat queue quopri random re readline reprlib resource rlcompleter runpy sched secrets select
  selectors shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile
  sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau symtable sys sysconfig
  syslog tabnanny tarfile telnetlib tempfile termios textwrap this threading time timeit tkinter token tokenize
  tomllib trace traceback tracemalloc tty turtle turtledemo types typing unicodedata unittest urllib uu uuid venv
  warnings wave weakref webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo zmq
  zcontext`;

/** Files that the generator writes beside `<Name>.ts`, and names that Windows reserves. */
const FILES = `
  index con prn aux nul com0 com1 com2 com3 com4 com5 com6 com7 com8 com9
  lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9`;

const keywords = wordsOf(KEYWORDS);
const pythonModules = wordsOf(PYTHON_MODULES);
const files = wordsOf(FILES);

/** Why a service, class or context can't have a name, completing "it is …"; undefined where it can. */
export function meaningOf(name: string): string | undefined {
  if (keywords.has(name)) return "a word of the language";
  // Some file systems ignore upper and lower case.
  if (files.has(name.toLowerCase())) return "a file name with a meaning of its own";
  if (name === "Monitor") return "the service that comes with zcontext";
  return undefined;
}

/** Whether a Python file of that name would hide a module that the service needs. */
export function hidesPythonModule(name: string): boolean {
  return pythonModules.has(name);
}

function wordsOf(list: string): ReadonlySet<string> {
  return new Set(list.trim().split(/\s+/));
}
