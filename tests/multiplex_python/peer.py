"""CPython's side of the differential test: does what it is told on the files it is sent, answers in one line.

Commands come over the Unix socket that is descriptor 0, one by one, each answered before the next. A file
arrives with its command and is put at the number that the other side has it at.
"""

import os
import select
import selectors
import socket
import threading

control = socket.socket(fileno=0)
poll = select.poll()
epolls = [select.epoll(), select.epoll()]
selector = selectors.DefaultSelector()
waiting = None
answer_of_wait = None


def numbers(text):
    return [int(item) for item in text.split(",") if item]


def joined(lines):
    return " ".join(":".join(str(part) for part in line) for line in lines)


def look(words):
    """Seconds are last: none, a number, or `-` for no limit."""
    what, *words, seconds = words
    timeout = None if seconds == "-" else float(seconds)
    if what == "select":
        lists = [numbers(word) for word in words[0].split(";")]
        ready = select.select(*lists, timeout)
        return ";".join(",".join(map(str, numbers)) for numbers in ready)
    if what == "poll":
        millis = None if timeout is None else timeout * 1000
        return joined((fd, bits, 0) for fd, bits in poll.poll(millis))
    if what == "selector":
        ready = selector.select(timeout)
        return joined((key.fd, bits, key.data) for key, bits in ready)
    most = int(words[1])
    ready = epolls[int(words[0])].poll(timeout, most)
    return joined((fd, bits, 0) for fd, bits in ready)


def key_text(key):
    return joined([(key.fd, key.events, key.data)])


def change(words):
    what, which, verb, fd, bits, data = words
    fd, bits, data = int(fd), int(bits), int(data)
    if what == "selector":
        if verb == "register":
            return key_text(selector.register(fd, bits, data))
        if verb == "modify":
            return key_text(selector.modify(fd, bits, data))
        if verb == "unregister":
            return key_text(selector.unregister(fd))
        if verb == "get":
            return key_text(selector.get_key(fd))
        return " ".join(map(key_text, sorted(selector.get_map().values())))
    target = poll if what == "poll" else epolls[int(which)]
    if verb == "unregister":
        target.unregister(fd)
    else:
        getattr(target, verb)(fd, bits)
    return ""


def renew(words):
    global poll, selector
    what, which = words
    if what == "poll":
        poll = select.poll()
    elif what == "selector":
        selector.close()
        selector = selectors.DefaultSelector()
    else:
        epolls[int(which)].close()
        epolls[int(which)] = select.epoll()
    return ""


def told(call, *arguments):
    """The result, or the exception's class or number, as text."""
    try:
        return "ok " + call(*arguments)
    except OSError as error:
        return f"os {error.errno}"
    except KeyError:
        return "key"
    except ValueError:
        return "value"


def start(words):
    global waiting

    def body():
        global answer_of_wait
        answer_of_wait = told(look, words)

    waiting = threading.Thread(target=body, daemon=True)
    waiting.start()
    return "ok "


def obey(words, files):
    verb, *words = words
    if verb == "open":
        os.dup2(files[0], int(words[0]), inheritable=False)
        os.close(files[0])
        return "ok "
    if verb == "close":
        os.close(int(words[0]))
        return "ok "
    if verb == "look":
        return told(look, words)
    if verb == "change":
        return told(change, words)
    if verb == "renew":
        return told(renew, words)
    if verb == "start":
        return start(words)
    if verb == "done":
        return f"ok {waiting.is_alive()}"
    waiting.join()
    return answer_of_wait


while True:
    text, files, _, _ = socket.recv_fds(control, 1 << 16, 1)
    if not text:
        break
    control.sendall(obey(text.decode().split(), files).encode() + b"\n")
os._exit(0)
