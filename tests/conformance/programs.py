"""Random programs: a seed makes one, always the same.

A program is one S-expression, read by interpreter.py and interpreter.cpp:

    (program SEED (new KIND NUMBER ARGUMENTS...)... (main STATEMENT...))

A node is (OPERATION ID ARGUMENT... CHILD...). IDs are unique, and each node runs at most once: what
it does is logged under its ID. Delays are in ticks. README.md has the list of operations.
"""

import random

FAMILIES = ("core", "wait", "ascomp", "shield", "timeouts", "groups", "sync", "queues", "contexts")


# What may fail is often put into (ok KIND STATEMENT), which forgets the failure: else most programs
# would end early.
RISKY = ("await", "acquire", "get", "put", "join", "evwait", "barwait", "barreset", "barabort",
         "cwait", "cwaitfor", "wait", "ascomp", "with", "group", "timeout", "timeoutat", "raise",
         "try")


BLOCKING = ("acquire", "get", "put", "join", "evwait", "barwait", "cwait", "cwaitfor", "wait",
            "ascomp", "with", "group")


class _Maker:
    def __init__(self, seed, families):
        self.random = random.Random(seed)
        self.families = families
        self.ids = 0
        # Tasks and gathers that have a number, each with a rank. A coroutine of rank `own` awaits
        # only those of a higher one, so that no two await each other.
        self.ranks = []
        self.gathers = set()
        self.timeouts = 0
        self.groups = 0
        self.handles = 0
        self.budget = self.below(50) + 20
        self.objects = {}
        self.later = []  # references to be filled in when all is made

    # random() alone is promised to stay the same between releases.
    def below(self, limit):
        return int(self.random.random() * limit)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def pick(self, items):
        return items[self.below(len(items))]

    def node(self, operation, *rest):
        self.ids += 1
        return [operation, self.ids, *rest]

    def delay(self):
        return 0 if self.chance(35) else self.below(12) + 1

    def message(self):
        return f"m{self.below(9)}" if self.chance(40) else "-"

    def number(self, kind):
        """An object of this kind."""
        return self.below(self.objects[kind])

    def reference(self, node, kind, least):
        """A task or gather of a higher rank than `least`, sooner one that is made before."""
        self.later.append((node, len(node), kind, least, len(self.ranks)))
        node.append("?")
        return node

    # --- programs ---------------------------------------------------------------------------------

    def program(self, seed):
        news = []

        def new(kind, count, *arguments):
            self.objects[kind] = count
            for number in range(count):
                news.append(["new", kind, number, *(a() for a in arguments)])

        new("fut", 3)
        if "sync" in self.families:
            new("lock", 2)
            new("event", 2)
            new("sem", 1, lambda: self.below(3))
            new("bsem", 1, lambda: self.below(2) + 1)
            new("cond", 1)
            new("barrier", 1, lambda: self.below(3) + 1)
        if "queues" in self.families:
            new("queue", 2, lambda: self.pick(["fifo", "fifo", "lifo", "prio"]),
                lambda: self.below(3))
        # Programs with one subject meet more of its corners than mixed ones.
        self.subject = self.pick(["any", "core", "cancel", *self.families])
        main = ["main", *self.block(0, 10 + self.below(16), 0)]
        for node, index, kind, least, before in self.later:
            known = [slot for slot, rank in enumerate(self.ranks)
                     if rank > least and (slot in self.gathers) == (kind == "gather")]
            if self.chance(85):
                known = [slot for slot in known if slot < before] or known
            node[index] = self.pick(known) if known else 99
        return ["program", seed, *news, main]

    def block(self, own, length, depth):
        statements = []
        for _ in range(length):
            if self.budget <= 0:
                break
            self.budget -= 1
            made = self.statement(own, depth)
            statements += made if isinstance(made[0], list) else [made]
        return statements

    def small_block(self, own, depth):
        return self.block(own, 1 + self.below(4), depth + 1)

    def body(self, own, depth):
        """Statements of a new task or coroutine. `own` is what it may not await."""
        statements = self.block(own, 1 + self.below(4), depth + 1)
        if self.chance(45):
            statements.append(self.node("return", self.below(100)))
        elif self.chance(30):
            statements.append(self.node("raise", f"e{self.below(9)}"))
        return statements

    def new_slot(self, own):
        self.ranks.append(own + (1 - own) * (self.random.random() * 0.9 + 0.05))
        return len(self.ranks) - 1

    # --- statements -------------------------------------------------------------------------------

    def statement(self, own, depth):
        menu = []

        def add(weight, family, make):
            if family == "core" or family in self.families:
                boost = 4 if family == self.subject or make in favourites else 1
                menu.append((weight * boost, make))

        favourites = (self.cancel, self.cancel_self, self.uncancel) if self.subject == "cancel" else ()
        deep = depth >= 5
        if depth == 0:
            add(20, "core", self.plain)
            add(10, "core", self.cancel)
            add(8, "core", self.servant)
            add(8, "core", self.crowd)
        add(14, "core", self.sleep)
        if not deep:
            add(30 if depth == 0 else 12, "core", self.spawn)
            add(7, "core", self.try_)
            add(5, "core", self.make_gather)
            add(5, "timeouts", self.timeout)
            add(4, "groups", self.group)
            add(4, "sync", self.with_)
            add(3, "wait", self.wait)
            add(2, "ascomp", self.as_completed)
        add(14, "core", self.await_)
        add(8, "core", self.cancel)
        add(2, "core", self.cancel_self)
        add(3, "core", self.uncancel)
        add(1, "core", self.raise_)
        add(8, "core", self.plain)
        add(3, "timeouts", self.reschedule)
        add(3, "groups", self.group_spawn)
        add(7, "sync", self.wait_sync)
        add(6, "queues", self.wait_queue)
        made = self.weighted(menu)(own, depth)
        if depth == 0 and made[0] in BLOCKING and self.chance(75):
            self.timeouts += 1
            made = self.node("timeout", self.timeouts - 1, self.delay(), made)
        if made[0] in RISKY and self.chance(90 if depth == 0 else 55):
            return self.node("ok", "any" if depth == 0 else "error", made)
        return made

    def weighted(self, menu):
        total = sum(weight for weight, _ in menu)
        at = self.below(total)
        for weight, make in menu:
            at -= weight
            if at < 0:
                return make
        raise AssertionError

    def sleep(self, own, depth):
        return self.node("sleep", self.delay())

    def spawn(self, own, depth):
        slot = self.new_slot(own)
        node = self.node("spawn", slot)
        node += self.body(self.ranks[slot], depth)
        return node

    def servant(self, own, depth):
        """A task that gives others what they wait for, from time to time."""
        slot = self.new_slot(own)
        node = self.node("spawn", slot)
        for _ in range(2 + self.below(4)):
            node.append(self.sleep(own, depth))
            kinds = [lambda: self.node("fset", self.number("fut"), self.below(100))]
            if "sync" in self.families:
                kinds += [self.announce, self.announce, self.give_event,
                          lambda: self.node("release", "sem", 0),
                          lambda: self.node("barwait", 0)]
            if "queues" in self.families:
                kinds += [lambda: self.node("putnow", self.number("queue"), self.below(10)),
                          lambda: self.node("getnow", self.number("queue")),
                          lambda: self.node("taskdone", self.number("queue"))]
            made = self.pick(kinds)()
            node += made if isinstance(made[0], list) else [made]
        return node

    def crowd(self, own, depth):
        """Tasks that want the same, one who gives it, and somebody who cancels one of them."""
        wants = [lambda: self.node("await", self.a_fut(own, depth))]
        if "sync" in self.families:
            wants = [lambda: self.node("evwait", 0), lambda: self.node("barwait", 0),
                     lambda: self.node("with", "lock", 0, self.sleep(own, depth)),
                     lambda: self.node("with", "sem", 0, self.sleep(own, depth)),
                     lambda: self.node("with", "cond", 0, self.condition_wait())]
        if "queues" in self.families:
            wants += [lambda: self.node("get", 0), lambda: self.node("get", 0),
                      lambda: self.node("put", 1, self.below(10)), lambda: self.node("join", 1)]
        want = self.pick(wants)
        nodes = []
        slots = []
        for _ in range(2 + self.below(3)):
            slots.append(self.new_slot(own))
            nodes.append(self.node("spawn", slots[-1], self.node("ok", "error", want()),
                                   self.node("return", self.below(100))))
        nodes.append(self.servant(own, depth))
        nodes.append(self.sleep(own, depth))
        if self.chance(60):
            nodes.append(self.node("cancel", self.pick(slots), self.message()))
        if self.chance(40):
            nodes.append(self.servant(own, depth))
            nodes.append(self.node("cancel", self.pick(slots), self.message()))
        return nodes

    def announce(self):
        node = self.node("with", "cond", 0)
        return node + [self.node("bump", 0), self.node("notify", 0, self.below(3))]

    def give_event(self):
        event = self.number("event")
        return [self.node("set", event), self.node("clear", event)]

    def await_(self, own, depth):
        node = self.node("await")
        if depth == 0 and self.chance(80):  # main goes on, whatever it waits for
            node.append(self.a_waitfor(own, depth, self.delay()))
        else:
            node.append(self.awaitable(own, depth))
        return node

    def cancel(self, own, depth):
        kind = self.pick(["cancel", "cancel", "cancel", "gcancel", "fcancel"])
        node = self.node(kind)
        if kind == "fcancel":
            node.append(self.number("fut"))
        else:
            self.reference(node, "task" if kind == "cancel" else "gather", 0)
        node.append(self.message())
        return node

    def cancel_self(self, own, depth):
        return self.node("self", self.message())

    def uncancel(self, own, depth):
        if self.chance(60):
            return self.node(self.pick(["uncancelself", "cancelling"]))
        return self.reference(self.node("uncancel"), "task", 0)

    def raise_(self, own, depth):
        return self.node("raise", f"e{self.below(9)}")

    def try_(self, own, depth):
        node = self.node("try", self.pick(["cancelled", "cancelled", "error", "any"]),
                         self.pick(["swallow", "reraise", "uncancel"]))
        node.append(["do", *self.small_block(own, depth)])
        node.append(["on", *(self.small_block(own, depth) if self.chance(50) else [])])
        node.append(["fin", *(self.small_block(own, depth) if self.chance(35) else [])])
        return node

    def make_gather(self, own, depth):
        slot = self.new_slot(own)
        self.gathers.add(slot)
        node = self.node("mkgather", slot, self.below(2))
        return node + self.children(self.ranks[slot], depth)

    def children(self, own, depth):
        count = self.below(3) + 1 if self.chance(92) else 0
        return [self.child(own, depth) for _ in range(count)]

    def child(self, own, depth):
        """What gather, wait and as_completed take."""
        kind = self.pick(["body", "body", "body", "task", "fut"])
        if kind == "body" and depth < 5:
            return self.node("body", *self.body(own, depth))
        if kind == "task":
            return self.reference(self.node("task"), "task", own)
        return self.node("fut", self.number("fut"))

    def timeout(self, own, depth):
        slot = self.timeouts
        self.timeouts += 1
        node = self.node(self.pick(["timeout", "timeout", "timeoutat"]), slot,
                         -1 if self.chance(8) else self.delay())
        return node + self.small_block(own, depth)

    def reschedule(self, own, depth):
        return self.node("resched", self.below(self.timeouts + 1),
                         -1 if self.chance(15) else self.delay())

    def group(self, own, depth):
        slot = self.groups
        self.groups += 1
        node = self.node("group", slot)
        self.groups_open = slot
        children = [self.group_spawn(own, depth + 1) for _ in range(self.below(4))]
        self.budget -= len(children)
        return node + children + self.small_block(own, depth)

    def group_spawn(self, own, depth):
        group = self.groups - 1 if self.groups and self.chance(80) else self.below(self.groups + 1)
        slot = self.new_slot(own)
        node = self.node("gspawn", max(group, 0), slot)
        return node + self.body(self.ranks[slot], depth)

    def wait(self, own, depth):
        node = self.node("wait", self.pick(["first", "exception", "all"]),
                         -1 if self.chance(50) else self.delay())
        return node + self.children(own, depth)

    def as_completed(self, own, depth):
        node = self.node("ascomp", -1 if self.chance(60) else self.delay())
        return node + self.children(own, depth)

    def with_(self, own, depth):
        kind = self.pick(["lock", "lock", "sem", "bsem", "cond"])
        node = self.node("with", kind, self.number(kind))
        block = self.small_block(own, depth)
        if kind == "cond" and self.chance(70):
            block.insert(0, self.condition_wait())
        return node + block

    def condition_wait(self):
        if self.chance(30):
            return self.node("cwaitfor", 0, self.below(3))
        return self.node("cwait", 0)

    def wait_sync(self, own, depth):
        kind = self.pick(["acquire", "evwait", "barwait", "cond", "barreset", "notify", "acquire"])
        if kind == "acquire":
            of = self.pick(["lock", "lock", "sem", "bsem", "cond"])
            return self.node("acquire", of, self.number(of))
        if kind == "cond":
            return self.condition_wait()
        if kind == "notify":
            return self.announce()
        if kind == "barreset":
            return self.node(self.pick(["barreset", "barreset", "barabort"]), 0)
        return self.node(kind, self.number("event" if kind == "evwait" else "barrier"))

    def wait_queue(self, own, depth):
        kind = self.pick(["get", "get", "get", "put", "put", "join"])
        queue = self.number("queue")
        return self.node(kind, queue, self.below(10)) if kind == "put" else self.node(kind, queue)

    # --- awaitables -------------------------------------------------------------------------------

    def awaitable(self, own, depth):
        deep = depth >= 5
        menu = [(8, "task"), (6, "fut"), (4, "g"), (4, "csleep")]
        if not deep:
            menu += [(5, "body"), (5, "gather"), (4, "shield"), (5, "waitfor")]
        if "sync" in self.families:
            menu += [(2, "acq"), (2, "evwait")]
        if "queues" in self.families:
            menu += [(3, "get")]
        if "shield" not in self.families:
            menu = [(w, k) for w, k in menu if k != "shield"]
        return self.weighted([(w, getattr(self, "a_" + k)) for w, k in menu])(own, depth)

    def a_task(self, own, depth):
        return self.reference(self.node("task"), "task", own)

    def a_g(self, own, depth):
        return self.reference(self.node("g"), "gather", own)

    def a_fut(self, own, depth):
        return self.node("fut", self.number("fut"))

    def a_csleep(self, own, depth):
        return self.node("csleep", self.delay(), self.below(100))

    def a_body(self, own, depth):
        self.budget -= 1
        return self.node("body", *self.body(own, depth))

    def a_gather(self, own, depth):
        self.budget -= 1
        return self.node("gather", self.below(2), *self.children(own, depth))

    def a_shield(self, own, depth):
        self.budget -= 1
        return self.node("shield", self.awaitable(own, depth + 1))

    def a_waitfor(self, own, depth, delay=None):
        self.budget -= 1
        if delay is None:
            delay = -1 if self.chance(10) else self.delay()
        return self.node("waitfor", delay, self.awaitable(own, depth + 1))

    def a_acq(self, own, depth):
        kind = self.pick(["lock", "sem"])
        return self.node("acq", kind, self.number(kind))

    def a_evwait(self, own, depth):
        return self.node("evwait", self.number("event"))

    def a_get(self, own, depth):
        return self.node("get", self.number("queue"))

    # --- what needs no await ----------------------------------------------------------------------

    def plain(self, own, depth, nested=False):
        kinds = ["fset", "fset", "fexc", "fdone", "soon", "later", "hcancel", "callback", "state"]
        if "sync" in self.families:
            kinds += ["set", "set", "clear", "release", "release", "notify", "bump"]
        if "queues" in self.families:
            kinds += ["putnow", "putnow", "getnow", "taskdone", "shutdown"]
        if "contexts" in self.families:
            kinds += ["cvset", "cvget"]
        if nested:
            kinds += ["cancel", "cancel", "cancel"]
        kind = self.pick(kinds)
        if kind == "shutdown" and not self.chance(30):
            kind = "putnow"
        if kind == "cancel":
            return self.cancel(own, depth)
        if kind in ("soon", "later"):
            self.handles += 1
            node = self.node(kind, self.handles - 1)
            if kind == "later":
                node.append(self.delay())
            return node + [self.callee(depth) for _ in range(1 + self.below(2))]
        if kind == "hcancel":
            return self.node(kind, self.below(self.handles + 1))
        if kind == "callback":
            node = self.node(kind, "fut", self.number("fut"))
            if self.chance(60):
                node[2:] = ["task"]
                self.reference(node, "task", 0)
            node.append(self.callee(depth))
            return node
        if kind in ("fset", "fexc", "fdone"):
            node = self.node(kind, self.number("fut"))
            return node + {"fset": [self.below(100)], "fexc": [f"e{self.below(9)}"], "fdone": []}[kind]
        if kind == "release":
            of = self.pick(["lock", "sem", "bsem"])
            return self.node(kind, of, self.number(of))
        if kind in ("set", "clear"):
            return self.node(kind, self.number("event"))
        if kind == "notify":
            return self.node(kind, 0, self.below(3))
        if kind == "bump":
            return self.node(kind, 0)
        if kind in ("putnow", "getnow", "taskdone", "shutdown"):
            node = self.node(kind, self.number("queue"))
            if kind == "putnow":
                node.append(self.below(10))
            if kind == "shutdown":
                node.append(self.below(2))
            return node
        if kind == "cvset":
            return self.node(kind, self.below(100))
        return self.node(kind)

    def callee(self, depth):
        return self.plain(0, depth + 1, nested=True) if depth < 6 else self.node("state")


def generate(seed, families=FAMILIES):
    return _Maker(seed, families).program(seed)


def to_text(node):
    return f"({' '.join(to_text(n) if isinstance(n, list) else str(n) for n in node)})"


def from_text(text):
    stack = [[]]
    for word in text.replace("(", " ( ").replace(")", " ) ").split():
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            try:
                stack[-1].append(int(word))
            except ValueError:
                stack[-1].append(word)
    return stack[0][0]
