"""
Run a real Airflow in a throwaway home: scheduler, LocalExecutor, and on Airflow 3 the API server and the DAG processor.

::

    with AirflowStack(env={"AIRFLOW_CONN_MYSMPP_DEFAULT": ...}) as airflow:
        airflow.add_dag("my_dag", "from airflow... ")
        airflow.wait_for_run(airflow.trigger("my_dag"), "success")

The metadata database is a fresh one of the Postgres on this machine, or a SQLite file where there is none (in CI that
fails). Airflow 2.11 runs tasks one at a time over SQLite, since its LocalExecutor refuses it. Every component is the
leader of a session of its own: a task takes a process group of its own, but never leaves the session, so nothing
outlives :meth:`stop`.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import requests

from tests.support import AIRFLOW, CI_VARIABLE, missing

AIRFLOW_3: Final = AIRFLOW >= (3, 0)
PATIENCE: Final = 180.0
"""Seconds after which waiting for Airflow counts as a failure."""

_POLL: Final = 0.1
_POSTGRES: Final = "postgresql+psycopg2://postgres@127.0.0.1:5432/{}"
_COMMANDS: Final[dict[str, list[str]]] = {
    "api-server": ["api-server", "--host", "127.0.0.1", "--workers", "1"],
    "dag-processor": ["dag-processor"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
_USUAL: Final = ("api-server", "dag-processor", "scheduler") if AIRFLOW_3 else ("scheduler",)


class Run(NamedTuple):
    """A run of a DAG."""

    dag_id: str
    run_id: str


class TaskState(NamedTuple):
    """How a task instance is, as the metadata database knows it."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    pid: int | None


class AirflowStack:
    """
    A real Airflow that runs while its ``with`` block does.

    :param env: Variables for its processes, connections say.
    :param triggerer: Whether to start a triggerer too.
    """

    def __init__(self, *, env: Mapping[str, str] | None = None, triggerer: bool = False) -> None:
        self.components = (*_USUAL, "triggerer") if triggerer else _USUAL
        self._given_env = dict(env or {})
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Make home and database, start every component, and return when the first DAG can be added."""
        atexit.register(self.stop)
        self.home = Path(tempfile.mkdtemp(prefix="mysmpp-airflow-"))
        self.dags = self.home / "dags"
        for folder in (self.dags, self.home / "tmp"):
            folder.mkdir()
        self._database_name = f"mysmpp_{secrets.token_hex(6)}"
        self.database = self._make_database()
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = int(probe.getsockname()[1])
        self._url = f"http://127.0.0.1:{self.port}"
        self.env = self._environment()
        self.cli("db", "migrate")
        for name in self.components:
            self.start_component(name)
        if AIRFLOW_3:
            self.wait_until(self._api_answers, "the API server to answer")

    def stop(self) -> None:
        """End every process, drop the database and remove the home."""
        atexit.unregister(self.stop)
        for name in list(self._running):
            self.stop_component(name)
        for process in self._started:
            _end_session(process, grace=0)
        if (engine := self.__dict__.pop("_engine", None)) is not None:
            engine.dispose()
        if (database := self.__dict__.pop("database", None)) and database.startswith("postgresql"):
            _on_postgres(f'DROP DATABASE IF EXISTS "{self._database_name}" WITH (FORCE)')
        if "home" in self.__dict__:
            shutil.rmtree(self.home, ignore_errors=True)

    # Components and processes

    def start_component(self, name: str) -> None:
        """Start a component that does not run."""
        command = [sys.executable, "-m", "airflow", *_COMMANDS[name]]
        if name == "api-server":
            command += ["--port", str(self.port)]
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._running[name] = process
        self._started.append(process)

    def stop_component(self, name: str, *, kill: bool = False) -> None:
        """End a component and every process that it started."""
        _end_session(self._running.pop(name), grace=0 if kill else 10)

    def component_log(self, name: str) -> str:
        """Return what a component wrote."""
        return (self.home / f"{name}.log").read_text(errors="replace")

    def cli(self, *arguments: str) -> str:
        """Run an ``airflow`` command in this Airflow and return what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            start_new_session=True,
            check=False,
        )
        assert done.returncode == 0, f"airflow {' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout

    def kill_task(self, run: Run, task_id: str, *, map_index: int = -1, number: int = signal.SIGKILL) -> int | None:
        """Send a signal to the process of a running task, and return its id, or None if there is none."""
        task = self.task(run, task_id, map_index=map_index)
        if task is None or task.state != "running" or task.pid is None or not self._is_ours(task.pid):
            return None
        os.kill(task.pid, number)
        return task.pid

    def _is_ours(self, pid: int) -> bool:
        with contextlib.suppress(ProcessLookupError):
            return os.getsid(pid) in [process.pid for process in self._started]
        return False

    # DAGs and runs

    def add_dag(self, dag_id: str, source: str, *, patience: float = PATIENCE) -> None:
        """Put a DAG file into the folder and wait until Airflow knows it."""
        file = self.dags / f"{dag_id}.py"
        part = file.with_suffix(".part")
        part.write_text(source)
        part.rename(file)
        query = "SELECT 1 FROM serialized_dag WHERE dag_id = :dag_id"
        self.wait_until(lambda: bool(self.sql(query, dag_id=dag_id)), f"the DAG {dag_id}", patience=patience)

    def trigger(self, dag_id: str, *, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> Run:
        """Start a run of a DAG."""
        run = Run(dag_id, run_id or f"test__{secrets.token_hex(4)}")
        if AIRFLOW_3:
            body = {"dag_run_id": run.run_id, "logical_date": None, "conf": dict(conf or {})}
            self.api("POST", f"/api/v2/dags/{dag_id}/dagRuns", json=body)
        else:
            self.cli("dags", "trigger", dag_id, "--run-id", run.run_id, "--conf", json.dumps(conf or {}))
        return run

    def mark_failed(self, run: Run, task_id: str) -> None:
        """Mark a task as failed, as somebody does in the UI while it runs."""
        if AIRFLOW_3:
            path = f"/api/v2/dags/{run.dag_id}/dagRuns/{run.run_id}/taskInstances/{task_id}"
            self.api("PATCH", path, json={"new_state": "failed"})
        else:
            changed = "UPDATE task_instance SET state = 'failed', end_date = CURRENT_TIMESTAMP"
            self.sql(f"{changed} WHERE {_OF_TASK}", **run._asdict(), task_id=task_id)

    def clear(self, run: Run, *task_ids: str) -> None:
        """Clear tasks, so that they run again (on Airflow 2 in every run of the DAG)."""
        if AIRFLOW_3:
            body = {"dry_run": False, "dag_run_id": run.run_id, "task_ids": task_ids, "only_failed": False}
            self.api("POST", f"/api/v2/dags/{run.dag_id}/clearTaskInstances", json=body)
        else:
            self.cli("tasks", "clear", run.dag_id, "--task-regex", f"^({'|'.join(task_ids)})$", "--yes")

    # What became of them

    def run_state(self, run: Run) -> str | None:
        """Return the state of a run."""
        found = self.sql("SELECT state FROM dag_run WHERE dag_id = :dag_id AND run_id = :run_id", **run._asdict())
        return found[0][0] if found else None

    def tasks(self, run: Run) -> list[TaskState]:
        """Return the task instances of a run."""
        query = "SELECT task_id, map_index, state, try_number, pid FROM task_instance"
        where = "WHERE dag_id = :dag_id AND run_id = :run_id ORDER BY task_id, map_index"
        return [TaskState(*row) for row in self.sql(f"{query} {where}", **run._asdict())]

    def task(self, run: Run, task_id: str, *, map_index: int = -1) -> TaskState | None:
        """Return a task instance, or None if there is none yet."""
        found = [t for t in self.tasks(run) if (t.task_id, t.map_index) == (task_id, map_index)]
        return found[0] if found else None

    def wait_for_run(self, run: Run, *states: str, patience: float = PATIENCE) -> str:
        """Wait until a run is in one of some states, and return it."""
        wanted = states or ("success", "failed")
        words = f"{run} to be {' or '.join(wanted)}"
        self.wait_until(lambda: self.run_state(run) in wanted, words, patience=patience)
        return str(self.run_state(run))

    def wait_for_task(
        self, run: Run, task_id: str, *states: str, map_index: int = -1, patience: float = PATIENCE
    ) -> TaskState:
        """Wait until a task instance is in one of some states, and return it."""
        found: list[TaskState] = []

        def is_there() -> bool:
            task = self.task(run, task_id, map_index=map_index)
            # Airflow 2.11 calls a task running before it knows its process.
            ready = task is not None and task.state in states and (task.state != "running" or task.pid is not None)
            found[:] = [task] if task is not None and ready else []
            return bool(found)

        self.wait_until(is_there, f"{task_id} of {run} to be {' or '.join(states)}", patience=patience)
        return found[0]

    def xcom(self, run: Run, task_id: str, key: str = "return_value", *, map_index: int = -1) -> Any:
        """Return an XCom of plain JSON values."""
        select = "SELECT CAST(value AS TEXT)" if AIRFLOW_3 else "SELECT value"  # JSON, and a blob in Airflow 2
        where = f"FROM xcom WHERE map_index = :map_index AND key = :key AND {_OF_TASK}"
        params = {**run._asdict(), "task_id": task_id, "map_index": map_index, "key": key}
        found = self.sql(f"{select} {where}", **params)
        if not found:
            raise KeyError(key)
        return json.loads(found[0][0] if AIRFLOW_3 else bytes(found[0][0]))

    def task_logs(self, run: Run) -> str:
        """Return the logs of all tasks and tries of a run."""
        files = (self.home / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}").rglob("*.log")
        return "\n".join(file.read_text(errors="replace") for file in sorted(files))

    def wait_until(self, condition: Callable[[], bool], what: str, *, patience: float = PATIENCE) -> None:
        """Wait for something."""
        end = time.monotonic() + patience
        while not condition():
            dead = [name for name, process in self._running.items() if process.poll() is not None]
            if dead or time.monotonic() > end:
                logs = "\n".join(f"--- {name}\n{self.component_log(name)[-3000:]}" for name in self._running)
                why = f"{', '.join(dead)} died while waiting" if dead else f"waited {patience:.0f} s"
                raise TimeoutError(f"{why} for {what}\n{logs}")
            time.sleep(_POLL)

    # Behind the scenes

    def sql(self, statement: str, **params: Any) -> list[Any]:
        """Run a statement on the metadata database, and return its rows."""
        from sqlalchemy import text

        with self._engine.connect() as connection:
            result = connection.execute(text(statement), params)
            return [tuple(row) for row in result] if result.returns_rows else []

    def api(self, method: str, path: str, **kwargs: Any) -> Any:
        """Call the REST API of Airflow 3 and return the JSON of its answer."""
        with requests.Session() as session:
            session.trust_env = False
            token = session.get(f"{self._url}/auth/token", timeout=30).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = session.request(method, self._url + path, headers=headers, timeout=60, **kwargs)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer.json()

    def _api_answers(self) -> bool:
        with contextlib.suppress(requests.RequestException):
            return bool(self.api("GET", "/api/v2/version"))
        return False

    @cached_property
    def _engine(self) -> Any:
        from sqlalchemy import create_engine

        return create_engine(self.database, isolation_level="AUTOCOMMIT")

    def _make_database(self) -> str:
        from sqlalchemy.exc import OperationalError

        try:
            _on_postgres(f'CREATE DATABASE "{self._database_name}"')
        except (ImportError, OperationalError) as error:  # no driver, or nobody there
            if os.environ.get(CI_VARIABLE):
                missing(f"There is no PostgreSQL for Airflow ({type(error).__name__})")
            return f"sqlite:///{self.home / 'airflow.db'}"
        return _POSTGRES.format(self._database_name)

    def _environment(self) -> dict[str, str]:
        own = ("AIRFLOW", "_AIRFLOW")
        env = {name: value for name, value in os.environ.items() if not name.startswith(own)}
        alone = not AIRFLOW_3 and self.database.startswith("sqlite")
        settings = {
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__EXECUTOR": "SequentialExecutor" if alone else "LocalExecutor",
            "CORE__PARALLELISM": "4",
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__FERNET_KEY": "",
            "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "CORE__EXECUTION_API_SERVER_URL": f"{self._url}/execution/",
            "DATABASE__SQL_ALCHEMY_CONN": self.database,
            "API__BASE_URL": self._url,
            "API__SECRET_KEY": secrets.token_hex(16),
            "API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            # As prompt as Airflow can be, since tests wait for it.
            "DAG_PROCESSOR__REFRESH_INTERVAL": "1",
            "DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "1",
            "SCHEDULER__DAG_DIR_LIST_INTERVAL": "1",
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
            "SCHEDULER__JOB_HEARTBEAT_SEC": "2",
            "SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC": "1",
            # A task whose scheduler died is missed only after the next scheduler has adopted it.
            "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "10",
            "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "5",
            "SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD": "15",
            "SCHEDULER__ZOMBIE_DETECTION_INTERVAL": "2",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
            "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
            "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        }
        env |= {f"AIRFLOW__{name}": value for name, value in settings.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{env.get('PATH', '')}"  # SequentialExecutor runs "airflow"
        places = {"AIRFLOW_HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "PATH": path}
        return env | places | self._given_env


_OF_TASK: Final = "dag_id = :dag_id AND run_id = :run_id AND task_id = :task_id"


def _on_postgres(statement: str) -> None:
    from sqlalchemy import create_engine, text

    engine = create_engine(_POSTGRES.format("postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _end_session(leader: subprocess.Popen[bytes], *, grace: float) -> None:
    """End every process of a session: first its leader's group politely, then all that is left of it."""
    if grace and leader.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGTERM)
        end = time.monotonic() + grace
        while (leader.poll() is None or _members(leader.pid)) and time.monotonic() < end:
            time.sleep(_POLL)
    for pid in _members(leader.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    leader.wait(PATIENCE)


def _members(session: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, timeout=30, check=True)
    members = []
    for pid in map(int, listed.stdout.split()):
        with contextlib.suppress(OSError):
            if os.getsid(pid) == session:
                members.append(pid)
    return members
