"""A source file as the tidy rules see it: its lines, its code without comments, its functions."""

import dataclasses
import functools
import pathlib
import re
import subprocess

SOURCE_SUFFIXES = (".cc", ".h", ".py", ".java", ".go")
TEXT_NAMES = (".md", ".sh", ".txt", ".cmake", ".json", ".xml", ".toml", ".mod", ".rs", ".mjs")

# What opens a brace, told by the text between the last `;`, `{` or `}` and it.
NAMESPACE = re.compile(r'^(inline\s+)?(namespace\b|extern\s+"")')
TYPE = re.compile(r"(^|[\s>])(class|struct|union|enum)\b[^()]*(\([^()]*\)[^()]*)?$")
CONTROL = re.compile(
    r"^(if|for|while|switch|do|else|try|catch|return|co_return|co_await|co_yield|case|default)\b"
)


@dataclasses.dataclass(frozen=True)
class Source:
    root: pathlib.Path
    path: pathlib.Path  # relative to root
    text: str

    @property
    def folder(self) -> str:
        return self.path.parts[0] if len(self.path.parts) > 1 else ""

    @functools.cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @functools.cached_property
    def code(self) -> str:
        """The text without comments and insides of literals; newlines stay, so line numbers do."""
        return blank(self.text) if self.path.suffix in (".cc", ".h", ".java", ".go") else self.text

    @functools.cached_property
    def code_lines(self) -> list[str]:
        return self.code.splitlines()

    def at(self, line: int) -> str:
        return f"{self.path}:{line}"

    def functions(self):
        """Yields (name, first line, number of lines) of each function."""
        if self.path.suffix in (".cc", ".h"):
            yield from cxx_functions(self.code)
        elif self.path.suffix == ".py":
            yield from python_functions(self.lines)


_LITERALS = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^(\s]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])*'",
    re.DOTALL,
)


def blank(text: str) -> str:
    def replace(match: re.Match) -> str:
        found = match[0]
        if found[0] == '"' and text.rfind("\n", 0, match.start()) + 1 == text.rfind(
            "#include", 0, match.start()
        ):
            return found
        quote = found[0] if found[0] in "\"'" else ""
        middle = "".join("\n" if c == "\n" else "" for c in found)
        return quote + middle + quote if quote else (" " + middle)

    return _LITERALS.sub(replace, text)


def _kind(header: str, scopes: list) -> str:
    if any(kind == "function" for kind, _, _ in scopes):
        return "inside"
    header = re.sub(r"^(public|private|protected)\s*:\s*", "", header.strip())
    if NAMESPACE.search(header):
        return "namespace"
    if not header or CONTROL.search(header):
        return "other"
    signature = re.sub(
        r"^template\s*<[^{]*?>\s*(requires\b.*?(?=\b(class|struct|union)\b))?", "", header
    )
    if "(" not in re.sub(r"(alignas|requires|decltype)\s*\(.*?\)", "", signature) or TYPE.search(
        signature
    ):
        if re.search(r"\b(class|struct|union|enum)\b", signature):
            return "type"
    if "(" in header and not header.rstrip().endswith(("=", ",", "(", "return", "requires")):
        return "function"
    return "other"


def _name(header: str) -> str:
    before = header.split("(")[0].split()
    if not before:
        return "a function"
    if before[-1].startswith("TEST"):
        return re.sub(r"\s+", " ", header.strip())
    return before[-1].lstrip("*&")


def cxx_functions(code: str):
    scopes = []  # (kind, name, first line)
    header, header_line, line = "", 1, 1
    at_line_start = True
    directive = False
    for index, character in enumerate(code):
        if character == "\n":
            directive = directive and code[index - 1] == "\\"
            line += 1
            at_line_start = True
            header += " "
            continue
        if at_line_start and character == "#":
            directive = True
        at_line_start = at_line_start and character.isspace()
        if directive:
            continue
        if character == "{":
            # clang-format puts a space before a body and none before an initializer.
            initializer = index > 0 and (code[index - 1].isalnum() or code[index - 1] in "_>(,{[]")
            kind = "initializer" if initializer else _kind(header, scopes)
            scopes.append((kind, _name(header), header_line))
            if kind != "initializer":
                header = ""
        elif character == "}":
            if scopes:
                kind, name, first = scopes.pop()
                if kind == "function":
                    yield name, first, line - first + 1
                if kind != "initializer":
                    header = ""
        elif character == ";":
            header = ""
        else:
            if not header.strip() and not character.isspace():
                header, header_line = "", line
            header += character


def python_functions(lines: list[str]):
    open_functions = []  # (indent, name, first line, last line with code)
    for number, line in enumerate([*lines, "end"], 1):
        if not line.strip():
            continue
        indent = len(line) - len(line.lstrip())
        closing = line.strip() in (")", "]", "}") or line.strip().startswith((") ->", "):"))
        while open_functions and indent <= open_functions[-1][0] and not closing:
            _, name, first, last = open_functions.pop()
            yield name, first, last - first + 1
        for function in open_functions:
            function[3] = number
        if match := re.match(r"\s*(async )?def (\w+)", line):
            open_functions.append([indent, match[2], number, number])


def listed_files(root: pathlib.Path) -> list[pathlib.Path]:
    """Tracked files and new ones that are not ignored; without git, all but build outputs."""
    found = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
    )
    if found.returncode == 0:
        names = [pathlib.Path(name) for name in found.stdout.split("\0") if name]
    else:
        names = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
        names = [name for name in names if name.parts[0] not in ("build", ".git", "karst-data")]
    return sorted(set(name for name in names if (root / name).is_file()))


def load_sources(root: pathlib.Path) -> list[Source]:
    return [
        Source(root, name, (root / name).read_text(errors="replace"))
        for name in listed_files(root)
        if name.suffix in SOURCE_SUFFIXES
    ]


def text_files(root: pathlib.Path) -> list[Source]:
    """The texts that are no sources: documents, scripts, build files."""
    return [
        Source(root, name, (root / name).read_text(errors="replace"))
        for name in listed_files(root)
        if name.suffix in TEXT_NAMES or (not name.suffix and name.name not in ("LICENSE",))
    ]
