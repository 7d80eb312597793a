"""The Elasticsearch node: our small Java launcher compiled once, its modules, its settings and whether it answers."""

import hashlib
import http.client
import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from deploy.local import jre
from deploy.local.home import Home
from deploy.local.jars import class_path, locked

_SOURCES: Final = Path(__file__).with_name("java")
_HEAP_MB: Final = 512
_FLAGS: Final = (
    "-Dlog4j2.level=INFO",
    "-Dlog4j2.shutdownHookEnabled=false",  # else logging ends before the node does
)
_ANALYSIS_DESCRIPTOR: Final = """\
name=local-analysis
description=The english and spanish analysers and the asciifolding filter
version={version}
classname=LocalAnalysis
java.version=21
elasticsearch.version={version}
"""


def settings(home: Home, *, port: int, transport_port: int) -> str:
    """elasticsearch.yml (JSON, which is YAML) of a node on 127.0.0.1 that creates no index by itself."""
    data = home.data / "elasticsearch"
    return json.dumps(
        {
            "cluster.name": "vigia-local",
            "node.name": "local",
            "node.processors": 2,
            "discovery.type": "single-node",
            "path.home": str(data),
            "path.data": str(data / "data"),
            "path.logs": str(home.logs),
            "network.host": "127.0.0.1",
            "http.port": port,
            "transport.port": transport_port,
            "transport.type": "netty4",
            "http.type": "netty4",
            "action.auto_create_index": "false",
            # Elasticsearch's percentages would forbid writing on any laptop whose disk is 95 % full.
            "cluster.routing.allocation.disk.watermark.low": "2gb",
            "cluster.routing.allocation.disk.watermark.high": "1gb",
            "cluster.routing.allocation.disk.watermark.flood_stage": "500mb",
        },
        indent=1,
    )


def install(home: Home) -> Path:
    """Compile the launcher and lay out its modules in the cache, once for each version of the sources and the jars.

    Gives the folder, which is complete whenever it exists. Raises StackError when the compiler refuses.
    """
    folder = home.java / f"node-{_digest()}"
    if folder.exists():
        return folder
    core, netty = class_path(home.jars, "elasticsearch"), class_path(home.jars, "netty")
    with tempfile.TemporaryDirectory(dir=home.java, prefix=".building-") as draft:
        built, classes = Path(draft) / "node", Path(draft) / "classes"
        analysis, transport = built / "modules" / "local-analysis", built / "modules" / "transport-netty4"
        for new in (classes, analysis, transport):
            new.mkdir(parents=True)
        compiler = jre.command(
            "org.eclipse.jdt.internal.compiler.batch.Main",
            class_path(home.jars, "compiler"),
            heap_mb=256,
            scratch=Path(draft),
            flags=("-XX:TieredStopAtLevel=1",),
            arguments=(
                "-21",
                "-proc:none",
                "-nowarn",
                "-cp",
                ":".join(map(str, core)),
                "-d",
                str(classes),
                str(_SOURCES),
            ),
        )
        jre.run("elasticsearch", compiler)
        _pack(classes, "LocalNode", built / "local-node.jar")
        _pack(classes, "LocalAnalysis", analysis / "local-analysis.jar")
        version = _version()
        (analysis / "plugin-descriptor.properties").write_text(_ANALYSIS_DESCRIPTOR.format(version=version))
        for jar in netty:
            if jar not in core:  # a jar in both places is "jar hell" to Elasticsearch
                shutil.copy2(jar, transport)
        plugin = next(jar for jar in netty if jar.name.startswith("transport-netty4"))
        (transport / "plugin-descriptor.properties").write_text(_descriptor(plugin))
        _put(built, folder)
    return folder


def command(home: Home, *, port: int, transport_port: int) -> tuple[str, ...]:
    """The node's command line; installs it first, which at the very first start takes about 3 s."""
    folder = install(home)
    config = home.run / "elasticsearch"
    config.mkdir(mode=0o700, exist_ok=True)
    (home.data / "elasticsearch").mkdir(mode=0o700, exist_ok=True)
    (config / "elasticsearch.yml").write_text(settings(home, port=port, transport_port=transport_port))
    return jre.command(
        "LocalNode",
        (folder / "local-node.jar", *class_path(home.jars, "elasticsearch")),
        heap_mb=_HEAP_MB,
        scratch=home.scratch,
        flags=(*_FLAGS, f"-Des.path.home={home.data / 'elasticsearch'}"),
        arguments=(str(config), str(folder / "modules")),
        recorded=archive(home),
    )


def archive(home: Home) -> jre.Archive:
    """The node's start-up archive."""
    return jre.archive(home.java, "elasticsearch", (*_FLAGS, _digest()))


def answers(port: int, *, timeout_s: float = 2) -> bool:
    """Whether the node serves: it has elected itself and no index lacks its primary shards."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        link.request("GET", "/_cluster/health?filter_path=status")
        answer = link.getresponse()
        return answer.status == 200 and json.loads(answer.read()).get("status") in {"green", "yellow"}
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        link.close()


def _digest() -> str:
    digest = hashlib.sha256(_ANALYSIS_DESCRIPTOR.encode())
    for source in sorted(_SOURCES.glob("*.java")):
        digest.update(source.read_bytes())
    for jar in locked():
        digest.update(jar.sha256.encode())
    return digest.hexdigest()[:16]


def _version() -> str:
    return next(
        jar.coordinate for jar in locked() if jar.coordinate.startswith("org.elasticsearch:elasticsearch:")
    ).split(":")[2]


def _descriptor(plugin: Path) -> str:
    """The module's own descriptor, less its Java module name: on a plain class path there are no named modules."""
    with zipfile.ZipFile(plugin) as jar:
        text = jar.read("META-INF/es-plugins/transport-netty4/plugin-descriptor.properties").decode()
    return "\n".join("modulename=" if line.startswith("modulename=") else line for line in text.splitlines())


def _pack(classes: Path, name: str, jar: Path) -> None:
    with zipfile.ZipFile(jar, "w") as out:
        for compiled in sorted(classes.glob(f"{name}*.class")):
            out.write(compiled, compiled.name)


def _put(built: Path, folder: Path) -> None:
    try:
        built.rename(folder)
    except OSError:
        if not folder.exists():  # else another stack that shares the cache was quicker, with the same result
            raise
