#!/usr/bin/env python3
"""Translates the PTX of one .cu file to C++ for one lane: translate.py NUMBER NAME FILE.ptx FILE.cpp.

Registers become variables and branches become goto; every access to memory, barrier, shuffle and vote is a
call of the emulator (machine/lane.hpp), with the number of its site. The NUMBER tells the sites of one file
from those of another.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ptx import Function, Module, PtxError, Statement, parse_parameter

TYPES = {
    **{f"{kind}{bits}": f"uint{bits}_t" for kind in "bu" for bits in (8, 16, 32, 64)},
    **{f"s{bits}": f"int{bits}_t" for bits in (8, 16, 32, 64)},
    "pred": "bool",
    "f32": "float",
    "f64": "double",
}
REGISTERS = {**TYPES, **{f"s{bits}": f"uint{bits}_t" for bits in (16, 32, 64)}}
SPACES = ("global", "shared", "local", "param")
ROUNDINGS = {"rzi": "trunc", "rni": "rint", "rmi": "floor", "rpi": "ceil"}
EQUAL = ("eq", "ne", "equ", "neu", "num", "nan")
LESS = ("lt", "le", "gt", "ge", "ltu", "leu", "gtu", "geu")
COMPARISONS = {
    **{name: name for name in EQUAL + LESS},
    "lo": "lt",
    "ls": "le",
    "hi": "gt",
    "hs": "ge",
}
ATOMICS = {
    "add": "a + b",
    "min": "a < b ? a : b",
    "max": "a < b ? b : a",
    "and": "a & b",
    "or": "a | b",
    "xor": "a ^ b",
    "exch": "b",
}
VOTES = {"ballot": "", "any": " != 0u", "all": " == 0xffffffffu"}
SIGNS = {"and": "&", "or": "|", "xor": "^"}
ORDERINGS = {"volatile", "relaxed", "acquire", "release", "acq_rel"}
IGNORED = {"weak", "nc", "cta", "gpu", "sys"}
SHARED_ALIGNMENT = 16
# The project's LaneTeam::take(bytes): where lanes ask for a part of their block's memory.
TAKE = re.compile(r"4takeEm$")


@dataclass
class Instruction:
    """`name.suffix.suffix operand, operand`; the type is the last suffix."""

    name: str
    suffixes: list[str]
    operands: list[str]
    text: str
    line: int

    @property
    def type(self) -> str:
        return self.suffixes[-1]

    @property
    def bits(self) -> int:
        return int(self.type[1:])

    @property
    def is_float(self) -> bool:
        return self.type[0] == "f"

    def unknown(self) -> PtxError:
        opcode = ".".join([self.name, *self.suffixes])
        return PtxError(self.line, f"unknown instruction {opcode}: {self.text}")

    def allow(self, *modifiers: str) -> None:
        """Only these before the type: any other would change what the instruction does."""
        if set(self.suffixes[:-1]) - set(modifiers) or self.type not in TYPES:
            raise self.unknown()


def split_operands(text: str) -> list[str]:
    """At the commas outside brackets."""
    operands, depth = [""], 0
    for char in text:
        depth += (char in "{[(") - (char in "}])")
        if char == "," and depth == 0:
            operands.append("")
        else:
            operands[-1] += char
    return [operand.strip() for operand in operands if operand.strip()]


def parts(vector: str) -> list[str]:
    """The registers of {%a, %b}."""
    return [part.strip() for part in vector.strip("{} ").split(",")]


def identifier(name: str) -> str:
    return "v" + name.replace("$", "S_")


def function_name(name: str) -> str:
    return "f" + name.replace("$", "S_")


def unsigned(ptx_type: str) -> str:
    return "u" + ptx_type[1:]


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Sites:
    """The places of a file that the emulator can name."""

    def __init__(self, number: int) -> None:
        self._first = number << 24
        self.rows: list[str] = []

    def add(self, function: str, statement: Statement, text: str) -> str:
        file, line = statement.source
        self.rows.append(f'{{"{function}", "{file}", {line}, "{escaped(text[:90])}"}},')
        return f"{self._first + len(self.rows) - 1:#x}u"


class FunctionTranslator:
    """One function of PTX as one function of C++."""

    def __init__(self, module: Module, function: Function, sites: Sites) -> None:
        self._function = function
        self._names = {other.name for other in module.functions}
        self._sites = sites
        self._symbols = dict.fromkeys(module.dynamic_shared, "lane->dynamic_shared")
        self._lines: list[str] = []
        self._count_line = 0
        self._counts = [0, 0, 0]  # of a basic block: all instructions, double precision, divisions and roots
        self.shared_bytes = 0

    def prototype(self) -> str:
        variables = ([self._function.result] if self._function.result else []) + self._function.parameters
        arguments = ", ".join(["Lane* lane", *(f"uint8_t* {identifier(v.name)}" for v in variables)])
        return f"static void {function_name(self._function.name)}({arguments})"

    def definition(self) -> str:
        variables = [*self._function.parameters, *filter(None, [self._function.result])]
        self._symbols |= {v.name: f"(uint64_t){identifier(v.name)}" for v in variables}
        self._begin_block()
        for statement in self._function.statements:
            self._statement = statement
            getattr(self, f"_put_{statement.kind}")(statement)
        self._end_block()
        return "\n".join([self.prototype() + " {", *self._lines, "}", ""])

    # ---- statements ----

    def _put_open(self, _: Statement) -> None:
        self._lines.append("{")

    def _put_close(self, _: Statement) -> None:
        self._lines.append("}")

    def _put_label(self, statement: Statement) -> None:
        self._end_block()
        self._lines.append(f"{identifier(statement.text)}:;")
        self._begin_block()

    def _put_declaration(self, statement: Statement) -> None:
        if match := re.fullmatch(r"\.reg \.(\w+) %?(\w+?)(?:<(\d+)>)?", statement.text):
            kind, name, count = match.groups()
            names = [f"{name}{i}" for i in range(int(count))] if count else [name]
            self._lines += [f"{REGISTERS[kind]} {self._register(name)} = 0;" for name in names]
        elif match := re.fullmatch(r"\.local \.align \d+ \.b8 ([\w$]+)\[(\d+)\]", statement.text):
            name, size = match.groups()
            self._lines.append(f"alignas(16) uint8_t {identifier(name)}[{size}];")
            self._lines.append(f"make_unknown(lane, {identifier(name)}, {size});")
            self._symbols[name] = f"(uint64_t){identifier(name)}"
        elif match := re.fullmatch(r"\.shared \.align \d+ \.b8 ([\w$]+)\[(\d+)\]", statement.text):
            name, size = match.groups()
            self._symbols[name] = f"(lane->shared + {self.shared_bytes})"
            self.shared_bytes += -(-int(size) // SHARED_ALIGNMENT) * SHARED_ALIGNMENT
        elif statement.text.startswith(".param"):
            variable = parse_parameter(statement.text, statement.line)
            self._lines.append(f"alignas(16) uint8_t {identifier(variable.name)}[{max(variable.size, 8)}];")
            self._symbols[variable.name] = f"(uint64_t){identifier(variable.name)}"
        else:
            raise PtxError(statement.line, f"unknown declaration: {statement.text}")

    def _put_instruction(self, statement: Statement) -> None:
        guard, negated, predicate, text = re.fullmatch(r"(@(!?)(%\w+) )?(.*)", statement.text).groups()
        opcode, _, rest = text.partition(" ")
        name, *suffixes = opcode.split(".")
        instruction = Instruction(name, suffixes, split_operands(rest), text, statement.line)
        translate = getattr(self, f"_op_{name}", None)
        if translate is None:
            raise instruction.unknown()
        condition = f"if ({negated}{self._register(predicate[1:])}) " if guard else ""
        self._lines.append(f"{condition}{{ {translate(instruction)} }}")
        self._counts[0] += 1
        self._counts[1] += instruction.suffixes[-1:] == ["f64"] and name in ("fma", "mul", "add", "sub")
        self._counts[2] += name in ("div", "rcp", "sqrt")
        if name in ("bra", "bar", "barrier", "call", "shfl", "vote", "ret", "exit"):
            self._end_block()
            self._begin_block()

    def _begin_block(self) -> None:
        self._count_line = len(self._lines)
        self._lines.append("")

    def _end_block(self) -> None:
        if self._counts[0] > 0:
            self._lines[self._count_line] = f"count(lane, {', '.join(map(str, self._counts))});"
        self._counts = [0, 0, 0]

    # ---- operands ----

    def _register(self, name: str) -> str:
        return f"{name}_"

    def _operand(self, text: str) -> str:
        if match := re.fullmatch(r"%(tid|ntid|ctaid|nctaid)\.([xyz])", text):
            return f"lane->{match.group(1)}[{'xyz'.index(match.group(2))}]"
        if text in ("%clock64", "%clock"):
            return "clock_of_device()"
        if text == "%laneid":
            return "(lane->number % 32u)"
        if re.fullmatch(r"%\w+", text):
            return self._register(text[1:])
        if match := re.fullmatch(r"0[dD]([0-9a-fA-F]{16})", text):
            return f"as<double>(0x{match.group(1)}ull)"
        if match := re.fullmatch(r"0[fF]([0-9a-fA-F]{8})", text):
            return f"as<float>(0x{match.group(1)}u)"
        if re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)U?", text):
            return f"(int64_t){int(text.rstrip('U'), 0) % 2**64}ull"
        if text in self._symbols:
            return self._symbols[text]
        raise PtxError(self._statement.line, f"unknown operand {text}: {self._statement.text}")

    def _value(self, operand: str, ptx_type: str) -> str:
        return f"as<{TYPES[ptx_type]}>({self._operand(operand)})"

    def _values(self, instruction: Instruction, ptx_type: str = "") -> list[str]:
        """All but the first operand, which is where the result goes."""
        return [self._value(operand, ptx_type or instruction.type) for operand in instruction.operands[1:]]

    def _flag(self, operand: str) -> str:
        negation = "!" if operand.startswith("!") else ""
        return f"({negation}{self._value(operand.lstrip('!'), 'pred')})"

    def _address(self, operand: str) -> str:
        base, _, offset = operand.strip("[] ").partition("+")
        return f"({self._operand(base)} + (int64_t){offset or 0})"

    def _set(self, destination: str, expression: str) -> str:
        if destination == "_":
            return f"(void)({expression});"
        return f"set({self._register(destination[1:])}, {expression});"

    def _set_cast(self, instruction: Instruction, expression: str, ptx_type: str = "") -> str:
        return self._set(instruction.operands[0], f"({TYPES[ptx_type or instruction.type]})({expression})")

    def _site(self) -> str:
        return self._sites.add(self._function.name, self._statement, self._statement.text)

    # ---- moving and converting ----

    def _op_mov(self, i: Instruction) -> str:
        i.allow()
        target, source = i.operands
        if not (target[0] == "{" or source[0] == "{"):
            return self._set(target, self._value(source, i.type))
        half, whole = f"u{i.bits // 2}", f"u{i.bits}"
        if target[0] == "{":
            low, high = parts(target)
            store_low = self._set(low, f"({TYPES[half]})t")
            store_high = self._set(high, f"({TYPES[half]})(t >> {i.bits // 2})")
            return f"{TYPES[whole]} t = {self._value(source, whole)}; {store_low}{store_high}"
        low, high = (f"({TYPES[whole]}){self._value(part, half)}" for part in parts(source))
        return self._set(target, f"({low} | {high} << {i.bits // 2})")

    def _op_cvta(self, i: Instruction) -> str:
        target, address = i.operands  # of all spaces: an address of the host
        return self._set(target, self._value(address, i.type))

    def _op_cvt(self, i: Instruction) -> str:
        *modifiers, to, source = i.suffixes
        value = self._value(i.operands[1], source)
        if to[0] in "us" and source[0] == "f":
            if len(modifiers) != 1 or modifiers[0] not in ROUNDINGS:
                raise i.unknown()
            return self._set(i.operands[0], f"to_integer<{TYPES[to]}>({ROUNDINGS[modifiers[0]]}({value}))")
        if set(modifiers) - {"rn"}:
            raise i.unknown()
        return self._set(i.operands[0], f"({TYPES[to]}){value}")

    def _op_selp(self, i: Instruction) -> str:
        i.allow()
        target, *values, flag = i.operands
        yes, no = (self._value(value, i.type) for value in values)
        return self._set(target, f"{self._flag(flag)} ? {yes} : {no}")

    # ---- arithmetic ----

    def _op_add(self, i: Instruction) -> str:
        return self._sum(i, "+")

    def _op_sub(self, i: Instruction) -> str:
        return self._sum(i, "-")

    def _sum(self, i: Instruction, sign: str) -> str:
        i.allow(*(["rn"] if i.is_float else []))
        ptx_type = i.type if i.is_float else unsigned(i.type)
        a, b = self._values(i, ptx_type)
        return self._set_cast(i, f"{a} {sign} {b}", ptx_type)

    def _op_mul(self, i: Instruction) -> str:
        if i.is_float:
            i.allow("rn")
            return self._set_cast(i, " * ".join(self._values(i)))
        return self._integer_product(i, "0")

    def _op_mad(self, i: Instruction) -> str:
        if i.is_float:
            raise i.unknown()
        wide = f"{i.type[0]}{2 * i.bits}" if i.suffixes[0] == "wide" else unsigned(i.type)
        return self._integer_product(i, self._value(i.operands[3], wide))

    def _integer_product(self, i: Instruction, addend: str) -> str:
        i.allow("lo", "wide", *(["hi"] if i.name == "mul" else []))
        a, b = (self._value(operand, i.type) for operand in i.operands[1:3])
        kind = i.suffixes[0]
        if kind == "lo":  # 1u: 16 bits times 16 bits are no int, which could overflow
            return self._set_cast(i, f"1u * {a} * {b} + {addend}", unsigned(i.type))
        if kind == "wide":
            wide = f"{i.type[0]}{2 * i.bits}"
            return self._set_cast(i, f"({TYPES[wide]}){a} * ({TYPES[wide]}){b} + {addend}", wide)
        wide = "__int128" if i.type[0] == "s" else "unsigned __int128"
        return self._set_cast(i, f"(({wide}){a} * ({wide}){b}) >> {i.bits}")

    def _op_fma(self, i: Instruction) -> str:
        i.allow("rn")
        return self._set(i.operands[0], f"std::fma({', '.join(self._values(i))})")

    def _op_div(self, i: Instruction) -> str:
        i.allow(*(["rn"] if i.is_float else []))
        a, b = self._values(i)
        return self._set_cast(i, f"{a} / {b if i.is_float else f'divisor(lane, {self._site()}, {b})'}")

    def _op_rem(self, i: Instruction) -> str:
        i.allow()
        a, b = self._values(i)
        return self._set_cast(i, f"{a} % divisor(lane, {self._site()}, {b})")

    def _op_rcp(self, i: Instruction) -> str:
        i.allow("rn")
        return self._set_cast(i, f"1 / {self._values(i)[0]}")

    def _op_sqrt(self, i: Instruction) -> str:
        i.allow("rn")
        return self._set_cast(i, f"std::sqrt({self._values(i)[0]})")

    def _op_min(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f"std::{'f' if i.is_float else ''}min({', '.join(self._values(i))})")

    def _op_max(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f"std::{'f' if i.is_float else ''}max({', '.join(self._values(i))})")

    def _op_abs(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f"std::abs({self._values(i)[0]})")

    def _op_neg(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f"-{self._values(i)[0]}")

    def _op_copysign(self, i: Instruction) -> str:
        i.allow()
        sign, size = self._values(i)
        return self._set_cast(i, f"std::copysign({size}, {sign})")

    # ---- bits and comparisons ----

    def _op_and(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f" {SIGNS[i.name]} ".join(self._values(i)))

    _op_or = _op_xor = _op_and

    def _op_not(self, i: Instruction) -> str:
        i.allow()
        return self._set_cast(i, f"{'!' if i.type == 'pred' else '~'}{self._values(i)[0]}")

    def _op_shl(self, i: Instruction) -> str:
        i.allow()
        value, count = self._value(i.operands[1], i.type), self._value(i.operands[2], "u32")
        return self._set(i.operands[0], f"shift_{'left' if i.name == 'shl' else 'right'}({value}, {count})")

    _op_shr = _op_shl

    def _op_popc(self, i: Instruction) -> str:
        i.allow()
        return self._set(i.operands[0], f"(uint32_t)__builtin_popcountll({self._values(i)[0]})")

    def _op_clz(self, i: Instruction) -> str:
        i.allow()
        return self._set(i.operands[0], f"leading_zeros({self._values(i)[0]})")

    def _op_prmt(self, i: Instruction) -> str:
        i.allow()
        return self._set(i.operands[0], f"permute_bytes({', '.join(self._values(i))})")

    def _op_bfi(self, i: Instruction) -> str:
        i.allow()
        values = [self._value(value, i.type) for value in i.operands[1:3]]
        range_ = [self._value(number, "u32") for number in i.operands[3:]]
        return self._set(i.operands[0], f"insert_bits({', '.join(values + range_)})")

    def _op_bfe(self, i: Instruction) -> str:
        i.allow()
        range_ = [self._value(number, "u32") for number in i.operands[2:]]
        value = self._value(i.operands[1], i.type)
        return self._set(i.operands[0], f"extract_bits({', '.join([value, *range_])})")

    def _op_setp(self, i: Instruction) -> str:
        comparison, *combined, ptx_type = i.suffixes
        if comparison not in COMPARISONS or ptx_type not in TYPES or "|" in i.operands[0]:
            raise i.unknown()
        a, b = (self._value(operand, ptx_type) for operand in i.operands[1:3])
        result = f"is_{COMPARISONS[comparison]}({a}, {b})"
        if combined:
            result = f"(bool)({result} {SIGNS[combined[0]]} {self._flag(i.operands[3])})"
        return self._set(i.operands[0], result)

    # ---- control ----

    def _op_bra(self, i: Instruction) -> str:
        return f"goto {identifier(i.operands[0])};"

    def _op_ret(self, _: Instruction) -> str:
        return "return;"

    def _op_exit(self, _: Instruction) -> str:
        return "end_lane(lane);"

    def _op_trap(self, _: Instruction) -> str:
        return f'fail(lane, {self._site()}, "trap");'

    def _op_call(self, i: Instruction) -> str:
        match = re.fullmatch(r"\S+ (?:\((\w+)\), )?([\w$]+)(?:, \((.*)\))?", i.text)
        if match is None or match.group(2) not in self._names:
            raise PtxError(i.line, f"a call of what is not defined here: {i.text}")
        result, name, arguments = match.groups()
        inputs = [identifier(argument) for argument in split_operands(arguments or "")]
        passed = ", ".join(["lane", *([identifier(result)] if result else []), *inputs])
        before = after = ""
        if TAKE.search(name):
            before = f"before_take(lane, {inputs[1]}); "
            after = f" after_take(lane, {self._site()}, {identifier(result)}, {inputs[1]});"
        return f"enter(lane, {self._site()}); {before}{function_name(name)}({passed});{after} leave(lane);"

    def _op_bar(self, i: Instruction) -> str:
        if i.suffixes == ["warp", "sync"]:
            return f"warp_barrier(lane, {self._site()}, {self._value(i.operands[0], 'u32')});"
        if i.suffixes not in (["sync"], ["sync", "aligned"]) or i.operands != ["0"]:
            raise i.unknown()
        return f"barrier(lane, {self._site()});"

    _op_barrier = _op_bar

    def _op_membar(self, _: Instruction) -> str:
        return ""  # one lane runs at a time

    _op_fence = _op_membar

    # ---- warps ----

    def _op_shfl(self, i: Instruction) -> str:
        sync, mode, ptx_type = i.suffixes
        if sync != "sync" or mode not in ("bfly", "up", "down", "idx") or ptx_type != "b32":
            raise i.unknown()
        target, _, inside = i.operands[0].partition("|")
        values = ", ".join(self._value(operand, "u32") for operand in i.operands[1:])
        store = self._set(target, "s.value") + (self._set(inside.strip(), "s.inside") if inside else "")
        return f"Shuffled s = shuffle(lane, {self._site()}, Shuffle::{mode}, {values}); {store}"

    def _op_vote(self, i: Instruction) -> str:
        sync, kind, _ = i.suffixes
        if sync != "sync" or kind not in VOTES:
            raise i.unknown()
        target, flag, mask = i.operands
        votes = f"ballot(lane, {self._site()}, {self._flag(flag)}, {self._value(mask, 'u32')})"
        return self._set(target, votes + VOTES[kind])

    # ---- memory ----

    def _op_ld(self, i: Instruction) -> str:
        targets = parts(i.operands[0])
        size = self._access_size(i, len(targets))
        code = f"uint64_t a = {self._address(i.operands[1])}; {self._touch(i, i.operands[1], size)}"
        for k, target in enumerate(targets):
            code += self._set(target, f"raw<{TYPES[i.type]}>(a + {k * i.bits // 8})")
        return code

    def _op_st(self, i: Instruction) -> str:
        sources = parts(i.operands[1])
        size = self._access_size(i, len(sources))
        code = f"uint64_t a = {self._address(i.operands[0])}; {self._touch(i, i.operands[0], size)}"
        for k, source in enumerate(sources):
            code += f"put_raw(a + {k * i.bits // 8}, {self._value(source, i.type)});"
        return code

    def _access_size(self, i: Instruction, count: int) -> int:
        i.allow(*SPACES, *ORDERINGS, *IGNORED, *([f"v{count}"] if count > 1 else []))
        return count * i.bits // 8

    def _touch(self, i: Instruction, address: str, size: int) -> str:
        """The check of an access; what a function got or gives as parameters by name is the lane's own."""
        space = self._space(i)
        if space == "param" and not address.strip("[ ").startswith("%"):
            return ""
        kind = "true" if i.name == "st" else "false"
        strong = "true" if ORDERINGS & set(i.suffixes) else "false"
        return f"touch(lane, {self._site()}, Space::{space}, a, {size}, {kind}, {strong}); "

    def _space(self, i: Instruction) -> str:
        return next((suffix for suffix in i.suffixes if suffix in SPACES), "generic")

    def _op_atom(self, i: Instruction) -> str:
        operation = i.suffixes[-2]
        i.allow(*SPACES, *ORDERINGS, *IGNORED, operation)
        if operation not in ATOMICS:
            raise i.unknown()
        address, operand = self._address(i.operands[-2]), self._value(i.operands[-1], i.type)
        change = f"[](auto a, auto b) {{ return {ATOMICS[operation]}; }}"
        call = f"atomic(lane, {self._site()}, Space::{self._space(i)}, {address}, {operand}, {change})"
        return self._set(i.operands[0], call) if i.name == "atom" else f"{call};"

    _op_red = _op_atom


def kernel_entry(number: int, function: Function, shared_bytes: int) -> str:
    """How the emulator starts a kernel: name, function, bytes of each parameter and of shared memory."""
    passed = "".join(f", arguments[{i}]" for i in range(len(function.parameters)))
    sizes = ", ".join(str(parameter.size) for parameter in function.parameters)
    return (
        f"static void launch_{number}(Lane* lane, uint8_t** arguments) {{ (void)arguments; "
        f"{function_name(function.name)}(lane{passed}); }}\n"
        f'static const KernelEntry kernel_{number}("{function.name}", launch_{number}, '
        f"{{{sizes}}}, {shared_bytes});\n"
    )


def translate(number: int, name: str, module: Module) -> str:
    sites = Sites(number)
    prototypes, definitions, kernels = [], [], []
    for function in module.functions:
        translator = FunctionTranslator(module, function, sites)
        prototypes.append(translator.prototype() + " __attribute__((noinline));")
        definitions.append(translator.definition())
        if function.is_kernel:
            kernels.append(kernel_entry(len(kernels), function, translator.shared_bytes))
    table = ["static const Site sites[] = {", *sites.rows, "};"]
    unit = f'static const Unit unit({number}, "{name}", sites, {len(sites.rows)});'
    head = ['#include "lane.hpp"', "using namespace emulator;"]
    return "\n".join([*head, *prototypes, *definitions, *table, unit, *kernels])


def main() -> int:
    number, name, ptx, cpp = sys.argv[1:]
    try:
        Path(cpp).write_text(translate(int(number), name, Module(Path(ptx))))
    except PtxError as error:
        print(f"{ptx}:{error.line}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
