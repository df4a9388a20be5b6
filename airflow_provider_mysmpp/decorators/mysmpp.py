"""The decorator ``@task.mysmpp``: a function returns recipients, and the task texts them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, overload

from airflow.providers.common.compat.sdk import DecoratedOperator, determine_kwargs, task_decorator_factory

from airflow_provider_mysmpp.hooks.hidden import Hidden
from airflow_provider_mysmpp.hooks.mysmpp import MySmppHook
from airflow_provider_mysmpp.operators.mysmpp import DEFAULT_IDEMPOTENCY_KEY, MySmppSendOperator

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from airflow.providers.common.compat.sdk import Context, TaskDecorator, XComArg
    from airflow.sdk.bases.decorator import Task

P = ParamSpec("P")
R = TypeVar("R")

_SOURCES = ("recipients", "sql", "sql_conn_id", "parameters")
"""The fields of the operator whose place the function takes."""


class HiddenArguments(Hidden):
    """
    Hold rendered arguments of a function where Airflow stores and shows them: they may be recipients.

    :param rows: The arguments, in a sequence or by their names.
    """

    def __init__(self, rows: Any) -> None:
        super().__init__(rows, "arguments")

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def values(self) -> Collection[Any]:
        """Return the arguments that were given by name."""
        values: Collection[Any] = self.rows.values()
        return values


class MySmppDecoratedOperator(DecoratedOperator, MySmppSendOperator):
    """
    Text the recipients that a function returns.

    :param python_callable: The function. It may return whatever the operator takes as ``recipients``; a generator is
        read once, row by row.
    :param op_args: Its arguments (templated). What they are when it runs, Airflow neither stores nor shows.
    :param op_kwargs: Its arguments by name (templated), not stored or shown either.
    :raises TypeError: The function is asynchronous.
    """

    template_fields: Sequence[str] = (
        *DecoratedOperator.template_fields,
        *(field for field in MySmppSendOperator.template_fields if field not in _SOURCES),
    )
    template_fields_renderers: ClassVar[dict[str, str]] = dict(DecoratedOperator.template_fields_renderers)
    custom_operator_name = "@task.mysmpp"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if inspect.iscoroutinefunction(python_callable) or inspect.isasyncgenfunction(python_callable):
            raise TypeError("@task.mysmpp takes no async function; let an ordinary one return the recipients")
        super().__init__(python_callable=python_callable, op_args=op_args, op_kwargs=op_kwargs, recipients=(), **kwargs)

    @property
    def op_args(self) -> Any:
        """The arguments of the function; wrapped once they are rendered, so that Airflow does not store them."""
        return self._op_args

    @op_args.setter
    def op_args(self, value: Any) -> None:
        self._op_args = HiddenArguments(value) if hasattr(self, "_op_args") else value

    @property
    def op_kwargs(self) -> Any:
        """The arguments of the function by name, wrapped like the others."""
        return self._op_kwargs

    @op_kwargs.setter
    def op_kwargs(self, value: Any) -> None:
        self._op_kwargs = HiddenArguments(value) if hasattr(self, "_op_kwargs") else value

    def execute(self, context: Context) -> Any:
        """
        Ask the function for the recipients, and text them.

        :param context: Airflow's context of the task instance.
        :return: The mapping, or the path of the results.
        """
        args, named = _shown(self.op_args), _shown(self.op_kwargs)
        values = copy.copy(context)
        values.update(named)
        self.recipients = self.python_callable(*args, **determine_kwargs(self.python_callable, args, values))
        return super().execute(context)


def _shown(arguments: Any) -> Any:
    return arguments.rows if isinstance(arguments, HiddenArguments) else arguments


@overload
def mysmpp_task(python_callable: Callable[P, R]) -> Task[P, R]: ...


@overload
def mysmpp_task(
    *,
    text: str | XComArg | None = None,
    sender: str | None = None,
    channel: str = "sms",
    validity_period: datetime | timedelta | str | None = None,
    idempotency_key: str = DEFAULT_IDEMPOTENCY_KEY,
    batch_size: int = 500,
    max_in_flight: int = 4,
    max_recipients: int | None = None,
    max_parts: int | None = None,
    tolerated_failures: float = 0,
    dry_run: bool = False,
    results_path: str | None = None,
    mysmpp_conn_id: str = MySmppHook.default_conn_name,
    **kwargs: Any,
) -> TaskDecorator: ...


def mysmpp_task(python_callable: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
    """
    Make a task of a function that returns recipients: the task texts them, each once.

    Its parameters are those of :class:`~airflow_provider_mysmpp.operators.mysmpp.MySmppSendOperator` without the ones
    that say where the recipients come from; its XComs are the operator's.

    :param python_callable: The function, where the decorator stands without parentheses.
    :param kwargs: The parameters of the operator, and those of any task: ``retries``, ``pool`` …
    """
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=False,  # whatever the function's annotation says: the mapping is one XCom
        decorated_operator_class=MySmppDecoratedOperator,
        **kwargs,
    )
