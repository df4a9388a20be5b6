"""The gateway's error texts, and the tree of errors that they become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_mysmpp.gateway import errors
from airflow_provider_mysmpp.gateway.errors import (
    CATALOGUE,
    UNKNOWN,
    CatalogueEntry,
    CollisionError,
    GatewayError,
    InvalidMessageError,
    MySmppError,
    RefusedError,
    Scope,
    UnavailableError,
    classify,
)

# What the gateway's document and its sister pages say; the code of the package is held against it word by word.
KNOWN_TEXTS = {
    "Incorrect JSON document format": "bad_document",
    "Неправильный формат JSON документа": "bad_document",
    "Incorrect login or password": "bad_credentials",
    "Неправильный логин или пароль": "bad_credentials",
    "Неверный логин или пароль": "bad_credentials",
    "Your account is locked": "account_locked",
    "Ваш аккаунт заблокирован": "account_locked",
    "POST data is missing": "no_data",
    "POST данные отсутствуют": "no_data",
    "We have run out of SMS. Contact your manager to resolve the problem": "gateway_out_of_sms",
    "У нас закончились SMS. Для разрешения проблемы свяжитесь с менеджером": "gateway_out_of_sms",
    "Out of SMS": "out_of_sms",
    "Закончились SMS": "out_of_sms",
    "Account blocked": "account_blocked",
    "Аккаунт заблокирован": "account_blocked",
    "Specify phone number": "no_phone",
    "Укажите номер телефона": "no_phone",
    "Phone number is on the stop list": "stop_list",
    "Номер телефона присутствует в стоп-листе": "stop_list",
    "This destination is closed for you": "closed_for_you",
    "Данное направление закрыто для вас": "closed_for_you",
    "This destination is closed": "closed",
    "Данное направление закрыто": "closed",
    "SMS text rejected by moderator": "moderator",
    "Текст SMS отклонен модератором": "moderator",
    "No sender": "no_sender",
    "Нет отправителя": "no_sender",
    (
        "The sender must not exceed 15 characters for numeric numbers and 11 characters for alphanumeric numbers"
    ): "sender_too_long",
    (
        "Отправитель не должен превышать 15 символов для цифровых номеров и 11 символов для буквенно-числовых"
    ): "sender_too_long",
    "Phone number must be less than 15 characters": "phone_too_long",
    "Номер телефона должен быть меньше 15 символов": "phone_too_long",
    "No message text": "no_text",
    "Нет текста сообщения": "no_text",
    "No link": "no_link",
    "Нет ссылки": "no_link",
    "Provide the name of the contact and at least one parameter for a business card": "bad_vcard",
    "Укажите название контакта и хотя бы один параметр для визитной карточки": "bad_vcard",
    "There is no such sender": "unknown_sender",
    "Такого отправителя нет": "unknown_sender",
    "The sender has not been moderated": "unmoderated_sender",
    "Отправитель не прошел модерацию": "unmoderated_sender",
    "Данное сообщение уже было отправлено": "already_sent",
    "This message has already been sent": "already_sent",
    # two texts in one line of the document
    "Your account is locked Incorrect login or password": "bad_credentials",
    "Ваш аккаунт заблокирован Неправильный логин или пароль": "bad_credentials",
}

SCOPES = {
    Scope.ACCOUNT: {"bad_credentials", "account_locked", "gateway_out_of_sms", "out_of_sms", "account_blocked"},
    Scope.REQUEST: {"bad_document", "no_data"},
    Scope.SENDER: {"no_sender", "sender_too_long", "unknown_sender", "unmoderated_sender"},
    Scope.TEXT: {"moderator", "no_text", "no_link", "bad_vcard"},
    Scope.RECIPIENT: {"no_phone", "stop_list", "closed_for_you", "closed", "phone_too_long", "already_sent"},
}


def code_of(text: str) -> str | None:
    """Return the code of a text, or None."""
    entry = classify(text)
    return entry.code if entry else None


@pytest.mark.parametrize("text", KNOWN_TEXTS)
def test_every_text_is_known_however_it_ends(text: str) -> None:
    for written in ("{}", "{}.", "{}...", "{} .", "  {}\n", "\t{}.\r\n"):
        assert code_of(written.format(text)) == KNOWN_TEXTS[text]


@pytest.mark.parametrize("text", KNOWN_TEXTS)
def test_every_text_is_known_in_any_case_spacing_and_spelling_of_yo(text: str) -> None:
    code = KNOWN_TEXTS[text]
    assert code_of(text.upper()) == code
    assert code_of(text.lower()) == code
    assert code_of(text.swapcase()) == code
    assert code_of(text.replace(" ", " \n ")) == code
    assert code_of(text.replace(" ", "\N{NO-BREAK SPACE}")) == code
    assert code_of(text.replace("е", "ё").replace("Е", "Ё")) == code


@pytest.mark.parametrize("text", KNOWN_TEXTS)
def test_a_text_with_more_or_fewer_words_is_another(text: str) -> None:
    assert code_of(f"{text}X") is None
    assert code_of(f"{text} today") is None
    assert code_of(f"Error: {text}") is None
    assert code_of(text.rpartition(" ")[0]) != KNOWN_TEXTS[text]


@pytest.mark.parametrize("text", ["", " ", ".", "...", "unknown", "Error message.", "0", "null"])
def test_other_words_are_unknown(text: str) -> None:
    assert classify(text) is None


@given(st.text())
def test_no_text_breaks_the_catalogue(text: str) -> None:
    assert classify(text) is None or isinstance(classify(text), CatalogueEntry)


def test_no_two_entries_share_a_text_or_a_code() -> None:
    texts = [text.casefold() for entry in CATALOGUE for text in (entry.english, *entry.russian)]
    assert len(set(texts)) == len(texts)
    assert len({entry.code for entry in CATALOGUE}) == len(CATALOGUE)
    assert UNKNOWN not in {entry.code for entry in CATALOGUE}


def test_every_entry_stands_in_this_test_with_its_scope() -> None:
    assert {entry.code for entry in CATALOGUE} == set(KNOWN_TEXTS.values())
    assert {scope: {entry.code for entry in CATALOGUE if entry.scope is scope} for scope in Scope} == SCOPES


def test_every_text_of_the_catalogue_stands_in_this_test() -> None:
    assert {text for entry in CATALOGUE for text in (entry.english, *entry.russian)} <= set(KNOWN_TEXTS)


def test_only_a_lack_of_sms_passes_by_itself() -> None:
    assert {entry.code for entry in CATALOGUE if entry.retryable} == {"out_of_sms", "gateway_out_of_sms"}


def test_an_error_of_the_account_or_the_request_is_about_no_message() -> None:
    about_none = {entry.code for entry in CATALOGUE if not entry.about_a_message}
    assert about_none == SCOPES[Scope.ACCOUNT] | SCOPES[Scope.REQUEST]


# The tree


@pytest.mark.parametrize(
    ("text", "code", "retryable", "maybe_sent"),
    [
        ("Out of SMS", "out_of_sms", True, False),
        ("Incorrect login or password", "bad_credentials", False, False),
        ("Phone number is on the stop list", "stop_list", False, False),
        ("words that nobody knows", UNKNOWN, True, True),
        ("", UNKNOWN, True, True),
    ],
)
def test_a_refusal_knows_what_its_words_mean(text: str, code: str, retryable: bool, maybe_sent: bool) -> None:
    error = RefusedError(text, status_code=400)
    assert (error.code, error.retryable, error.maybe_sent) == (code, retryable, maybe_sent)
    assert (str(error), error.status_code) == (text, 400)
    assert (error.entry is None) is (code == UNKNOWN)


ERRORS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, MySmppError)]


def test_every_error_has_a_code_of_its_own_and_says_whether_a_retry_helps() -> None:
    codes = {
        "MySmppError": ("error", False),
        "ConfigurationError": ("configuration", False),
        "LimitError": ("limit", False),
        "DryRunError": ("dry_run", False),
        "InvalidMessageError": ("error", False),
        "CollisionError": ("collision", False),
        "GatewayError": ("error", True),
        "UnavailableError": ("no_answer", True),
        "RedirectError": ("redirect", True),
        "AmbiguousError": ("miscount", True),
        "RefusedError": ("error", True),
        "StoppedError": ("stopped", True),
    }
    assert {kind.__name__: (kind.code, kind.retryable) for kind in ERRORS} == codes


def test_every_error_stands_in_the_tree_of_the_module() -> None:
    assert errors.__doc__ is not None
    assert [kind.__name__ for kind in ERRORS if kind.__name__ not in errors.__doc__] == []


def test_an_invalid_message_is_a_value_error_with_its_own_code() -> None:
    error = InvalidMessageError("sender", "too long")
    assert isinstance(error, ValueError)
    assert (error.code, error.reason, str(error)) == ("sender", "too long", "too long")


def test_a_collision_names_the_id_and_the_remedy() -> None:
    error = CollisionError("77")
    assert error.id_sms == "77"
    assert str(error) == (
        "The gateway gave the one id_sms 77 to messages with different client_id_sms: it took one message for another,"
        " so no answer of it can be trusted. Ask your manager at the gateway how wide client_id_sms may be before"
        " sending again."
    )


@pytest.mark.parametrize(
    "kind", [kind for kind in ERRORS if issubclass(kind, GatewayError) and kind is not RefusedError]
)
def test_an_error_of_the_gateway_fears_the_worst_unless_told_otherwise(kind: type[GatewayError]) -> None:
    assert kind("x").maybe_sent is True
    assert kind("x").status_code is None
    told = kind("x", status_code=429, maybe_sent=False)
    assert (told.status_code, told.maybe_sent, str(told)) == (429, False, "x")


def test_a_lack_of_an_answer_may_be_repeated_unless_told_otherwise() -> None:
    error = UnavailableError("x")
    assert (error.retry_after, error.repeatable) == (None, True)
    told = UnavailableError("x", retry_after=3.0, repeatable=False)
    assert (told.retry_after, told.repeatable) == (3.0, False)
