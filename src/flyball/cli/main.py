"""The `flyball` command. A command parses, calls one service and renders; what it means stands in the rooms below."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flyball.cli import datasets, graphing, housekeeping, imports, replicas, scoring, sharing, stewarding, tokens, verifying
from flyball.cli.exits import told

app = typer.Typer(
    name="flyball",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # help with Rich imports a Markdown renderer: a quarter of a second for frames
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(tokens.group, name="token")
app.add_typer(imports.group, name="import")
app.add_typer(graphing.group, name="graph")
app.add_typer(replicas.group, name="replicas")

ProjectArgument = Annotated[Path, typer.Argument(metavar="PROJECT.py", help="The file that declares the project.")]
HomeOption = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: .flyball beside the project file.")
]
FoundHomeOption = Annotated[
    Path | None, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept. Default: the .flyball here, above or below.")
]
WorldOption = Annotated[
    str | None, typer.Option("--backtest", metavar="NAME/POLICY", help="Look into this backtest instead of the live loop.")
]


EndpointArgument = Annotated[str, typer.Argument(metavar="ENDPOINT", help="A model's endpoint; by default it has the model's name.")]
WorkersOption = Annotated[
    str,
    typer.Option("--workers", metavar="N|MIN-MAX", envvar="FLYBALL_WORKERS", help="Processes that answer requests, or between how many."),
]
GrpcOption = Annotated[
    int | None,
    typer.Option("--grpc-port", metavar="PORT", envvar="FLYBALL_GRPC_PORT", help="Answer gRPC at this port, too; 0 is any free one."),
]
CertOption = Annotated[
    Path | None,
    typer.Option("--tls-cert", metavar="FILE", envvar="FLYBALL_TLS_CERT", help="Speak TLS, by this certificate and its chain (PEM)."),
]
KeyOption = Annotated[
    Path | None, typer.Option("--tls-key", metavar="FILE", envvar="FLYBALL_TLS_KEY", help="The key of the certificate, without a password.")
]
LogFormatOption = Annotated[
    str, typer.Option("--log-format", metavar="text|json", envvar="FLYBALL_LOG_FORMAT", help="How all processes log; json: a line each.")
]
WhyOption = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why, in your words; it stands in the events.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def _version(wanted: bool) -> None:  # noqa: FBT001 - Typer calls it with the flag's value by place
    if wanted:
        from importlib.metadata import version

        typer.echo(f"flyball {version('flyball')}")
        raise typer.Exit


@app.callback()
def root(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False
) -> None:
    """Declare a model once; Flyball keeps it in production, from raw rows to retraining."""
    del version


@app.command()
def check(project: ProjectArgument) -> None:
    """Validate a project file against its data.

    Names every problem, and the near name.
    """
    with told():
        from flyball.cli import checking

        checking.check(project)


@app.command()
def init(
    directory: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="The new project's directory; must be empty or not exist.", show_default=False)
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Your rows, one per line, with a header.")] = None,
    label: Annotated[str | None, typer.Option("--label", metavar="COLUMN", help="The column to predict.")] = None,
    time: Annotated[str | None, typer.Option("--time", metavar="COLUMN", help="The column that says when the row happened.")] = None,
    key: Annotated[
        str | None, typer.Option("--key", metavar="COLUMN", help="What names a row. Default: a digest of the row and its ordinal.")
    ] = None,
    label_after: Annotated[
        str, typer.Option("--label-after", metavar="DURATION", help="How long after the time the label is known.")
    ] = "0s",
    script: Annotated[
        Path | None,
        typer.Option("--from", metavar="NOTEBOOK|SCRIPT", help="A training script to turn; the other options say what it does not."),
    ] = None,
) -> None:
    """Scaffold a project that runs on your own CSV at once, or on what a notebook or script reads."""
    with told():
        from flyball.cli import scaffolding
        from flyball.data.fromscript.turning import Given

        scaffolding.init(directory, Given(csv=csv, label=label, time=time, key=key, label_after=label_after), script=script)


@app.command()
def backtest(
    project: ProjectArgument,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", metavar="never|every:30d|declared", help="Repeat for several. Default: these three.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--start", metavar="TIME", help="When the first training happens (ISO 8601). Default: by `history`.")
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures and events as JSON.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="What `ls`, `show` and `why` call this backtest. Default: the project's name.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Which model, if the project has several.")] = None,
    home: HomeOption = None,
) -> None:
    """Replay your history under several retraining policies.

    The code is the one that runs live; only the clock differs. Interrupted, it continues where it was.
    """
    with told():
        from flyball.cli import backtesting

        request = backtesting.Request(project, tuple(policy or ()), start=start, name=name, model=model, home=home)
        backtesting.backtest(request, json_file=json, html_file=html)


@app.command()
def up(
    project: ProjectArgument,
    *,
    clock: Annotated[
        str | None, typer.Option("--clock", metavar="TIME", help="Business time begins here (ISO 8601) instead of being the system's.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option("--speed", metavar="N", help="With --clock: business time runs N times as fast. Default: 1.")
    ] = None,
    hold: Annotated[bool, typer.Option("--hold", help="With --clock: business time stands until `flyball replay` moves it.")] = False,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Ask nobody for a token. On loopback only.")] = False,
    no_console: Annotated[bool, typer.Option("--no-console", help="Without the web console.")] = False,
    host: Annotated[str, typer.Option("--host", envvar="FLYBALL_HOST", help="The address to listen on.")] = "127.0.0.1",
    control_port: Annotated[
        int, typer.Option("--control-port", envvar="FLYBALL_CONTROL_PORT", help="Of the control plane; 0 is any free port.")
    ] = 8500,
    serve_port: Annotated[
        int, typer.Option("--serve-port", envvar="FLYBALL_SERVE_PORT", help="Of the model server; 0 is any free port.")
    ] = 8501,
    console_port: Annotated[
        int, typer.Option("--console-port", envvar="FLYBALL_CONSOLE_PORT", help="Of the console; 0 is any free port.")
    ] = 8502,
    grpc_port: GrpcOption = None,
    workers: WorkersOption = "1",
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    log_format: LogFormatOption = "text",
    home: HomeOption = None,
) -> None:
    """Run the loop live.

    Answers requests, watches, retrains and releases by itself, until Ctrl-C.
    """
    with told():
        from flyball.app.location import home_of_project
        from flyball.app.settings import Settings
        from flyball.app.workers import Workers
        from flyball.cli import living
        from flyball.core import logs
        from flyball.core.clock import parse_time
        from flyball.governance.certificates import Certificate

        logs.choose(log_format)
        settings = Settings(
            project=project.resolve(),
            home=home_of_project(project, home),
            host=host,
            control_port=control_port,
            serve_port=serve_port,
            console_port=console_port,
            auth=not no_auth,
            console=not no_console,
            epoch=None if clock is None else parse_time(clock, what="--clock"),
            speed=speed,
            hold=hold,
            workers=str(Workers.parse(workers)),
            grpc_port=grpc_port,
            certificate=Certificate.of(tls_cert, tls_key),
        )
        raise SystemExit(living.up(settings, command=f"flyball up {project}"))


@app.command()
def server(
    *,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Ask nobody for a token. On loopback only.")] = False,
    no_console: Annotated[bool, typer.Option("--no-console", help="Without the web console.")] = False,
    host: Annotated[str, typer.Option("--host", envvar="FLYBALL_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="FLYBALL_CONTROL_PORT", help="Of the server; 0 is any free port.")] = 8500,
    console_port: Annotated[
        int, typer.Option("--console-port", envvar="FLYBALL_CONSOLE_PORT", help="Of the console; 0 is any free port.")
    ] = 8502,
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    log_format: LogFormatOption = "text",
    home: Annotated[
        Path, typer.Option("--home", envvar="FLYBALL_HOME", help="Where everything is kept; made when it is not there.")
    ] = Path(".flyball"),
) -> None:
    """Keep runs and models for MLflow clients, without a project.

    Takes what the stock client logs and registers, until Ctrl-C.
    """
    with told():
        from flyball.app.location import home_of_project
        from flyball.app.settings import Settings
        from flyball.cli import living
        from flyball.core import logs
        from flyball.governance.certificates import Certificate

        logs.choose(log_format)
        settings = Settings(
            project=None,
            home=home_of_project(Path(), home),
            host=host,
            control_port=port,
            serve_port=0,
            console_port=console_port,
            auth=not no_auth,
            console=not no_console,
            certificate=Certificate.of(tls_cert, tls_key),
        )
        raise SystemExit(living.up(settings, command="flyball server"))


@app.command()
def serve(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="models:/NAME/VERSION, models:/NAME@ALIAS or models:/NAME/latest; or several.")
    ],
    *,
    no_auth: Annotated[bool, typer.Option("--no-auth", help="Ask nobody for a token. On loopback only.")] = False,
    host: Annotated[str, typer.Option("--host", envvar="FLYBALL_HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", envvar="FLYBALL_SERVE_PORT", help="The port to listen on; 0 is any free one.")] = 8501,
    url: Annotated[
        str | None, typer.Option("--from", metavar="URL", envvar="FLYBALL_URL", help="The server that has the models, where no home is.")
    ] = None,
    run_code: Annotated[
        bool, typer.Option("--run-code", help="You trust what comes from that server: it may be loaded here though it carries code.")
    ] = False,
    grpc_port: GrpcOption = None,
    workers: WorkersOption = "1",
    tls_cert: CertOption = None,
    tls_key: KeyOption = None,
    log_format: LogFormatOption = "text",
    home: FoundHomeOption = None,
) -> None:
    """Serve registered versions, without a project.

    Answers rows at /predict/NAME by the model's own signature, until Ctrl-C.
    """
    with told():
        from flyball.cli import serving
        from flyball.core import logs
        from flyball.governance.certificates import Certificate

        logs.choose(log_format)
        wanted = serving.Wanted(
            models=models, host=host, port=port, auth=not no_auth, home=home, url=url, run_code=run_code, workers=workers,
            grpc_port=grpc_port, certificate=Certificate.of(tls_cert, tls_key),
        )  # fmt: skip
        serving.serve(wanted)


@app.command()
def replay(
    project: ProjectArgument,
    *,
    start: Annotated[str, typer.Option("--from", metavar="TIME", help="Rows known after, and predictions from here on (ISO 8601).")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="Rows known by, and predictions before this time.")],
    rows_every: Annotated[
        str, typer.Option("--rows-every", metavar="DURATION", help="Rows are sent in batches of so much business time; 0s: each by itself.")
    ] = "1h",
    labels: Annotated[bool, typer.Option("--labels/--no-labels", help="Send the rows that labels come from.")] = True,
    ahead: Annotated[
        bool, typer.Option("--ahead", help="Send a batch as it begins. Nothing sees a row before it is known, and each is known in time.")
    ] = False,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures as JSON.")] = None,
    home: HomeOption = None,
) -> None:
    """Send your history as live traffic to a running `up`.

    Drives its clock, so that each request is answered at its business time. Interrupted, the same command goes on.
    """
    with told():
        from flyball.app.location import home_of_project
        from flyball.cli import replaying
        from flyball.cli.traffic import Stretch
        from flyball.core.clock import parse_time
        from flyball.core.duration import parse_duration

        first, last = parse_time(start, what="--from"), parse_time(end, what="--to")
        stretch = Stretch(first, last, rows_every=parse_duration(rows_every), labels=labels, ahead=ahead)
        wanted = replaying.Wanted(project, home_of_project(project, home), stretch)
        raise SystemExit(replaying.replay(wanted, json_file=json))


app.command()(datasets.ingest)
app.command()(datasets.profile)


app.add_typer(stewarding.contract, name="contract")
app.add_typer(stewarding.quarantine, name="quarantine")
app.command()(stewarding.held)
app.command()(stewarding.erase)
app.command()(scoring.score)
app.command()(stewarding.release)
app.command("accept", hidden=True)(stewarding.release)  # its name before; scripts have it
app.command()(stewarding.reject)


@app.command()
def why(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="An event's id, or enough of its beginning.")],
    *,
    json: JsonFlag = False,
    home: FoundHomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """Print the causes of an event, down to the rows."""
    with told():
        from flyball.cli import looking

        looking.why(event, home=home, world=backtest, as_json=json)


@app.command()
def ls(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="datasets, views, runs, versions, deployments, windows, backtests or events.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Only those of this model, dataset or subject.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many; the newest of events.")] = 50,
    *,
    json: JsonFlag = False,
    home: FoundHomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """List what a home holds."""
    with told():
        from flyball.cli import looking

        looking.ls(kind, name, limit=limit, home=home, world=backtest, as_json=json)


@app.command()
def show(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="dataset, view, run, version, deployment, window, event or backtest.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name as `ls` says it; of an id the beginning is enough.")],
    home: FoundHomeOption = None,
    backtest: WorldOption = None,
) -> None:
    """Show one thing whole."""
    with told():
        from flyball.cli import looking

        looking.show(kind, name, home=home, world=backtest)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT. Datasets are tables by their names; docs: how to query.")],
    *,
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="TIME", help="What was known by then (ISO 8601). Default: now.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write all of the answer there: .csv, .json or .parquet.")
    ] = None,
    format: Annotated[  # noqa: A002  the option's name
        str | None, typer.Option("--format", metavar="table|csv|json|parquet", help="Default: by the file's ending, else a table.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="Rows of a table that is printed.")] = 100,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="How long it may take.")] = "60s",
    memory: Annotated[str, typer.Option("--memory", metavar="SIZE", help="How much memory it may use; beyond, it spills.")] = "1GB",
    raw: Annotated[bool, typer.Option("--raw", help="In CSV, leave texts alone that a spreadsheet would run as formulas.")] = False,
    home: FoundHomeOption = None,
) -> None:
    """Ask the data in SQL.

    Reads datasets, their histories, quarantined rows and predictions; changes nothing.
    """
    with told():
        from flyball.cli import querying

        wanted = querying.Wanted(sql=sql, as_of=as_of, format=format, out=out, limit=limit, timeout=timeout, memory=memory, raw=raw)
        querying.query(wanted, home=home)


@app.command()
def env(home: FoundHomeOption = None) -> None:
    """Print where the server is and the owner's token as exports for a shell, for Flyball and for MLflow's client.

    Use it as: eval "$(flyball env)"
    """
    with told():
        from flyball.cli import envs

        envs.env(home)


@app.command()
def promote(
    endpoint: EndpointArgument,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Default: the canary.")] = None,
    why: WhyOption = "",
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: JsonFlag = False,
    home: FoundHomeOption = None,
) -> None:
    """Make a version the champion of an endpoint, now."""
    with told():
        from flyball.cli import releasing

        releasing.promote(endpoint, version=version, why=why, ask=not yes, as_json=json, home=home)


@app.command()
def rollback(endpoint: EndpointArgument, why: WhyOption = "", *, json: JsonFlag = False, home: FoundHomeOption = None) -> None:
    """Take the last step back: the canary out of the traffic; without one, end a policy; else go back to the champion before."""
    with told():
        from flyball.cli import releasing

        releasing.rollback(endpoint, why=why, as_json=json, home=home)


app.command("weights")(sharing.weights)
app.command("segments")(sharing.segments)
app.command("bandit")(sharing.bandit)
app.command("shadow")(sharing.shadow)


@app.command()
def trace(
    prediction: Annotated[str, typer.Argument(metavar="PREDICTION", help="A prediction's id, as the model server's answer has it.")],
    *,
    json: JsonFlag = False,
    home: FoundHomeOption = None,
) -> None:
    """Print where a prediction came from: features, version, data, gates, release, and the events that caused them."""
    with told():
        from flyball.cli import tracing

        tracing.trace(prediction, as_json=json, home=home)


app.command()(housekeeping.gc)
app.add_typer(housekeeping.deletion, name="delete")
app.command()(verifying.verify)


def main() -> None:
    """The entry point of the `flyball` script."""
    app()
