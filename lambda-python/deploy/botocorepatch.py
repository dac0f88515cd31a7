"""A patched copy of botocore: each API method ends in SpotWrap's recorder.

In: the installed botocore, a folder. Out: a copy there with one import and one changed call in
client.py, the recorder beside it, and the models of the services in use only. PatchError where
botocore is not as it is known, or the folder is someone else's.

The change, inside ClientCreator._create_api_method, where every API method of a client is made:

    return self._make_api_call(operation_name, kwargs)
    return spotrecorder.call(self, operation_name, kwargs)
"""

from __future__ import annotations

import ast
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from errors import JobError
from spotwrap import recorder

RECORDER = Path(recorder.__file__)
"""The recorder, which lies in the copy as RECORDER_NAME."""

RECORDER_NAME = "spotrecorder.py"
LIST_NAME = "spotpatch.json"
"""The list of what was written into a copy, with digests: nothing else is ever deleted."""

SERVICES = ("s3", "lambda", "dynamodb", "logs", "sts")
OLDEST = (1, 35)
IMPORT = "from botocore import spotrecorder"
HOOK = "spotrecorder.call"

PROBE = """
import sys
sys.path.insert(0, sys.argv[1])
import botocore.session
from botocore import spotrecorder
client = botocore.session.Session().create_client(
    sys.argv[2], region_name="us-west-2", aws_access_key_id="none", aws_secret_access_key="none"
)
calls = []
spotrecorder.call = lambda client, operation, arguments: calls.append((operation, arguments))
operation = client.meta.service_model.operation_names[0]
method = {name: method for method, name in client.meta.method_to_api_mapping.items()}[operation]
getattr(client, method)(Answer=42)
assert calls == [(operation, {"Answer": 42})], calls
"""
"""A program that makes a client out of the copy and sees its call arrive at the recorder."""


class PatchError(JobError):
    """botocore cannot be patched; the message has the fact, the value and the remedy."""


# --------------------------------------------------------------------------- the text, pure


def patch(source: str) -> str:
    """client.py with the hook in it; pure. PatchError where it is not the client.py we know."""
    tree = ast.parse(source)
    if _hooks(tree):
        raise PatchError("client.py is patched already: patch the botocore that pip installed")
    found = _api_call(tree)
    arguments = ", ".join(ast.unparse(argument) for argument in found.args)
    owner = ast.unparse(found.func.value) if isinstance(found.func, ast.Attribute) else ""
    patched = _replaced(source, found, f"{HOOK}({owner}, {arguments})")
    last_import = max(
        (node.end_lineno or 0)
        for node in tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    lines = patched.splitlines(keepends=True)
    lines.insert(last_import, f"{IMPORT}\n")
    text = "".join(lines)
    _check(tree, text)
    return text


def _api_call(tree: ast.Module) -> ast.Call:
    """The one call that every API method ends in. PatchError where there is not exactly one."""
    found = [
        node.value
        for creator in tree.body
        if isinstance(creator, ast.ClassDef) and creator.name == "ClientCreator"
        for maker in creator.body
        if isinstance(maker, ast.FunctionDef) and maker.name == "_create_api_method"
        for method in maker.body
        if isinstance(method, ast.FunctionDef)
        for node in ast.walk(method)
        if isinstance(node, ast.Return)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Attribute)
        and node.value.func.attr == "_make_api_call"
        and len(node.value.args) == 2
        and not node.value.keywords
    ]
    if len(found) != 1:
        raise PatchError(
            "client.py has changed: within ClientCreator._create_api_method there are "
            f"{len(found)} calls `return self._make_api_call(operation, arguments)`, not 1: "
            "install a botocore that is known to work (1.35 to 1.43)"
        )
    return found[0]


def _replaced(source: str, node: ast.expr, text: str) -> str:
    """The source with another text in place of an expression. Columns of `ast` count bytes."""
    lines = source.encode().splitlines(keepends=True)
    first, last = node.lineno - 1, (node.end_lineno or 0) - 1
    before, after = lines[first][: node.col_offset], lines[last][node.end_col_offset :]
    lines[first : last + 1] = [before + text.encode() + after]
    return b"".join(lines).decode()


def _hooks(tree: ast.Module) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node for node in calls if ast.unparse(node.func) == HOOK]


def _check(original: ast.Module, patched: str) -> None:
    """PatchError unless the patched text, the hook undone, means what the original does."""
    tree = ast.parse(patched)
    for hook in _hooks(tree):
        owner, *hook.args = hook.args
        hook.func = ast.Attribute(value=owner, attr="_make_api_call", ctx=ast.Load())
    tree.body = [node for node in tree.body if ast.unparse(node) != IMPORT]
    if ast.dump(tree) != ast.dump(original):
        raise PatchError("client.py: the patched text differs in more than the hook")


def fault(folder: Path) -> str | None:
    """What is wrong with a folder as a patched botocore; None where nothing is."""
    client = folder / "client.py"
    if not client.is_file() or not (folder / "__init__.py").is_file():
        return f"{folder} is no botocore: make one with `python patch-botocore.py {folder}`"
    try:
        hooks = _hooks(ast.parse(client.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError) as error:
        return f"{client} is not Python: {error}"
    if len(hooks) != 1 or not (folder / RECORDER_NAME).is_file():
        return (
            f"{folder} is a botocore, but not a patched one: make one in another folder with "
            "`python patch-botocore.py FOLDER`"
        )
    return None


# --------------------------------------------------------------------------- the copy


def make_copy(botocore: Path, version: str, folder: Path, services: Iterable[str]) -> None:
    """Make the patched copy of an installed botocore. It appears whole, or not at all.

    PatchError where the version is too old, a service is unknown, or the folder is not ours.
    """
    check_version(version)
    services = sorted(set(services))
    if unknown := [name for name in services if not (botocore / "data" / name).is_dir()]:
        raise PatchError(f"botocore {version} has no service {', '.join(unknown)}")
    check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".botocore-", dir=folder.parent) as scratch:
        made = Path(scratch) / "botocore"
        shutil.copytree(botocore, made, ignore=_left_out(botocore, services))
        client = made / "client.py"
        client.write_text(patch(client.read_text(encoding="utf-8")), encoding="utf-8")
        shutil.copyfile(RECORDER, made / RECORDER_NAME)
        probe(made.parent, services[0])
        (made / LIST_NAME).write_text(json.dumps(written(made), indent=1), encoding="utf-8")
        check_folder(folder)
        if folder.exists():
            shutil.rmtree(folder)
        made.rename(folder)


def check_folder(folder: Path) -> None:
    """PatchError where a folder that is to be replaced has anything that was not written here."""
    if folder.is_symlink():
        raise PatchError(f"{folder} is a link: name the folder itself")
    if not folder.exists() or not any(folder.iterdir()):
        return
    try:
        ours = dict(json.loads((folder / LIST_NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise PatchError(
            f"{folder} is there already, and not as this command leaves it: name another folder, "
            "or delete it"
        ) from error
    found = written(folder)
    others = sorted(name for name, sum_ in found.items() if ours.get(name) != sum_)
    if others:
        raise PatchError(
            f"{folder}/{others[0]} is not as this command wrote it: take it away, or name another "
            "folder"
        )


def written(folder: Path) -> dict[str, str]:
    """The files of a folder by name, and their digests; without the list, and what Python
    compiled."""
    names = (path.relative_to(folder).as_posix() for path in _files(folder))
    return {name: _digest(folder / name) for name in sorted(names) if name != LIST_NAME}


def _digest(path: Path) -> str:
    """A file's digest; "" where it is a link or no file, which is nothing that is written here."""
    is_plain = path.is_file() and not path.is_symlink()
    return hashlib.sha256(path.read_bytes()).hexdigest() if is_plain else ""


def check_version(version: str) -> None:
    """PatchError where botocore is older than what is known to work."""
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise PatchError(f"botocore {version} is too old: `pip install 'botocore>={oldest}'`")


def _left_out(botocore: Path, services: list[str]) -> Callable[[str, list[str]], set[str]]:
    """For shutil.copytree: which names of a folder are not copied."""
    data = botocore / "data"

    def left_out(folder: str, names: list[str]) -> set[str]:
        path = Path(folder)
        unused = {name for name in names if name == "__pycache__" or name.startswith("examples-1.")}
        if path == data:
            unused |= {name for name in names if (path / name).is_dir() and name not in services}
        return unused

    return left_out


def probe(parent: Path, service: str) -> None:
    """Make a client out of the copy in a Python of its own. PatchError where that fails."""
    command = [sys.executable, "-B", "-c", PROBE, str(parent), service]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["it said nothing"]
        raise PatchError(f"the patched copy does not work: {said[-1]}")


def size(folder: Path) -> tuple[int, int]:
    """Files of a folder and their bytes, without what Python compiled."""
    files = _files(folder)
    return len(files), sum(path.stat().st_size for path in files)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir() and path.suffix != ".pyc"]
