"""A local gateway with an inbox, for development and tests."""

from importlib.util import find_spec

_MISSING = [name for name in ("jinja2", "starlette", "uvicorn") if find_spec(name) is None]
if _MISSING:
    raise ImportError(
        f"The sandbox needs {', '.join(_MISSING)}: pip install 'airflow-provider-mysmpp[sandbox]'", name=_MISSING[0]
    )
