"""The inbox page, its API, and who may read them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
import requests

from airflow_provider_mysmpp.sandbox import rules, states
from airflow_provider_mysmpp.sandbox.testing import SandboxServer

from .client import document, message, phone, post, send

EVIL = "<script>alert('x')</script><img src=x onerror=alert(1)> & \"quoted\" {{ 7*7 }}"


class Page(HTMLParser):
    """The tags and the visible text of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def drawn(self) -> int:
        """Return how many messages there are, without the template's."""
        return sum(1 for tag, attrs in self.tags if tag == "li" and attrs.get("class") == "message") - 1

    def hidden(self, element: str) -> bool:
        (attrs,) = (attrs for _, attrs in self.tags if attrs.get("id") == element)
        return "hidden" in attrs


def get(sandbox: SandboxServer, path: str = "/", **kwargs: object) -> requests.Response:
    return requests.get(sandbox.url + path, timeout=20, **kwargs)  # type: ignore[arg-type]


def page(sandbox: SandboxServer, path: str = "/") -> Page:
    answer = get(sandbox, path)
    assert answer.status_code == 200
    return Page(answer.text)


def test_an_empty_inbox_says_how_to_send(mysmpp_sandbox: SandboxServer) -> None:
    shown = page(mysmpp_sandbox)
    assert not shown.hidden("empty")
    assert shown.hidden("more")
    assert shown.drawn() == 0
    assert f"curl {mysmpp_sandbox.url}/json" in shown.text


def test_its_example_works(mysmpp_sandbox: SandboxServer) -> None:
    body = re.search(r"-d '(\{.*?\})'", page(mysmpp_sandbox).text, re.S)
    assert body is not None
    assert post(mysmpp_sandbox, body[1].encode()).json()["information"][0]["state"] == "send"


def test_a_message_is_shown_whole(mysmpp_sandbox: SandboxServer) -> None:
    for _ in range(3):
        (entry,) = send(mysmpp_sandbox, message(phone(client_id="4242"), type_send_1="viber"))
    shown = page(mysmpp_sandbox)
    for part in ("79612242243", "SHOP", "Готово", "viber", "send", str(entry["id_sms"]), "4242", "repeats 2"):
        assert part in shown.text
    assert shown.hidden("empty")


def test_nothing_in_a_message_becomes_markup(mysmpp_sandbox: SandboxServer) -> None:
    empty = page(mysmpp_sandbox)
    send(mysmpp_sandbox, message(text=EVIL, sender="<b>&amp;"))
    answer = get(mysmpp_sandbox, "/?q=%22%3E%3Cscript%3E")
    shown = page(mysmpp_sandbox)
    assert EVIL in shown.text
    assert "<b>&amp;" in shown.text
    assert "<script>alert" not in get(mysmpp_sandbox).text
    assert '"><script>' not in answer.text
    for tag in ("script", "img"):
        assert [t for t, _ in shown.tags].count(tag) == [t for t, _ in empty.tags].count(tag)
    listed = get(mysmpp_sandbox, "/api/messages")
    assert listed.headers["content-type"] == "application/json"
    assert listed.json()["messages"][0]["text"] == EVIL


def test_the_page_needs_nothing_from_elsewhere(mysmpp_sandbox: SandboxServer) -> None:
    answer = get(mysmpp_sandbox)
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"script-src 'nonce-([\w-]+)'", policy)
    assert nonce is not None
    assert policy.startswith("default-src 'none';")
    assert "; img-src data:;" in policy, "for the empty icon, of which browsers complain otherwise"
    shown = Page(answer.text)
    assert {attrs.get("nonce") for tag, attrs in shown.tags if tag in ("script", "style")} == {nonce[1]}
    assert not [attrs for _, attrs in shown.tags if "src" in attrs or "style" in attrs]
    assert not [name for _, attrs in shown.tags for name in attrs if name.startswith("on")]
    assert nonce[1] not in get(mysmpp_sandbox).text


def test_the_help_names_every_trigger(mysmpp_sandbox: SandboxServer) -> None:
    text = page(mysmpp_sandbox).text
    triggers = [*rules.PHONE_ERRORS, *states.PHONE_STATES, *rules.SENDER_ERRORS, *rules.TEXT_ERRORS]
    assert [trigger for trigger in triggers if trigger not in text] == []


def test_searching(mysmpp_sandbox: SandboxServer) -> None:
    send(
        mysmpp_sandbox,
        message(phone("79612242243"), text="Ваш ЗАКАЗ готов"),
        message(phone("79612242244"), text="100% скидка_", sender="Ёлка"),
        message(phone("79990000000"), text="заказ 2244 отменён"),
    )

    def found(**params: str) -> list[str]:
        listed = mysmpp_sandbox.api("GET", "/api/messages", params=params)
        assert listed["total"] == len(listed["messages"])
        return [m["phone"][-4:] for m in listed["messages"]]

    assert found() == ["0000", "2244", "2243"]
    assert found(q="заказ") == ["0000", "2243"]
    assert found(q="2244") == ["0000", "2244"]
    assert found(q="ёлка") == ["2244"]
    assert found(q="%") == ["2244"]
    assert found(q="%%") == []
    assert found(phone="2244") == ["2244"]
    assert found(phone="7961", q="заказ") == ["2243"]
    assert page(mysmpp_sandbox, "/?q=ЗАКАЗ").drawn() == 2
    assert not page(mysmpp_sandbox, "/?q=nowhere").hidden("none")


def test_paging(mysmpp_sandbox: SandboxServer) -> None:
    send(mysmpp_sandbox, message(*(phone() for _ in range(60))))
    newest = mysmpp_sandbox.api("GET", "/api/messages")
    assert (newest["total"], len(newest["messages"])) == (60, 50)
    ids = [m["id_sms"] for m in newest["messages"]]
    assert ids == sorted(ids, reverse=True)
    rest = mysmpp_sandbox.api("GET", "/api/messages", params={"limit": 20, "offset": 50})["messages"]
    assert [m["id_sms"] for m in rest] == list(range(ids[-1] - 1, ids[-1] - 11, -1))
    shown = page(mysmpp_sandbox)
    assert shown.drawn() == 50
    assert not shown.hidden("more")
    (older,) = (attrs["href"] for _, attrs in shown.tags if attrs.get("id") == "older")
    assert older is not None
    assert page(mysmpp_sandbox, older).drawn() == 60


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=x", "limit=10001", "limit=" + "9" * 5000, "offset=-1", "offset=٣"]
)
def test_bad_paging(mysmpp_sandbox: SandboxServer, query: str) -> None:
    for path in ("/", "/api/messages", "/api/requests"):
        assert get(mysmpp_sandbox, f"{path}?{query}").status_code == 400


def test_one_message(mysmpp_sandbox: SandboxServer) -> None:
    (entry,) = send(mysmpp_sandbox, message(phone(client_id=5, validity_period="2030-01-01 10:00:00")))
    shown = mysmpp_sandbox.api("GET", f"/api/messages/{entry['id_sms']}")
    assert shown == mysmpp_sandbox.messages()[0]
    assert shown.pop("time")
    assert shown == {
        "id_sms": entry["id_sms"],
        "client_id_sms": "5",
        "request": 1,
        "phone": "79612242243",
        "sender": "SHOP",
        "channel": "sms",
        "text": "Готово",
        "parts": 1,
        "price": "2.5",
        "validity": "2030-01-01 10:00:00",
        "repeats": 0,
        "state": "send",
        "state_time": "",
    }
    for unknown in ("1", "x", "9" * 19, "9" * 30, "9" * 5000):
        answer = get(mysmpp_sandbox, f"/api/messages/{unknown}")
        assert answer.status_code == 404
        assert answer.json()["error"]


def test_counts_and_clearing(mysmpp_sandbox: SandboxServer) -> None:
    mysmpp_sandbox.change(money=10, delivery_seconds=0)
    mysmpp_sandbox.add_fault("reset", after=9)
    for _ in range(2):
        send(mysmpp_sandbox, message(phone(client_id=1), phone("79000000101"), phone("79000000203", 2)))
    assert mysmpp_sandbox.summary() == {
        "messages": 2,
        "repeats": 2,
        "requests": 2,
        "refused": 2,
        "states": {"deliver": 1, "not_deliver": 1},
        "webhook": {},
        "faults": 1,
        "money": "5",
    }
    assert mysmpp_sandbox.api("DELETE", "/api/messages") == {"deleted": 2}
    cleared = mysmpp_sandbox.summary()
    assert (cleared["messages"], cleared["requests"], cleared["money"]) == (0, 0, "10")
    assert cleared["faults"] == 1
    send(mysmpp_sandbox, message(phone(client_id=1)))
    assert len(mysmpp_sandbox.messages()) == 1


def test_health(mysmpp_sandbox: SandboxServer) -> None:
    assert mysmpp_sandbox.api("GET", "/health") == {"status": "ok"}


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::1"])
def test_another_name_for_this_machine_reads_nothing(mysmpp_sandbox: SandboxServer, host: str) -> None:
    send(mysmpp_sandbox, message())
    for path in ("/", "/api/messages"):
        assert get(mysmpp_sandbox, path, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "sandbox.localhost:99", "127.0.0.2", "[::1]:8025"])
def test_names_that_mean_this_machine(mysmpp_sandbox: SandboxServer, host: str) -> None:
    assert get(mysmpp_sandbox, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://["])
def test_pages_of_other_sites_change_nothing(mysmpp_sandbox: SandboxServer, origin: str) -> None:
    send(mysmpp_sandbox, message())
    headers = {"Origin": origin, "Content-Type": "text/json; charset=utf-8"}
    for method, path in (("DELETE", "/api/messages"), ("POST", "/api/faults"), ("POST", "/json")):
        answer = requests.request(method, mysmpp_sandbox.url + path, json=document(), headers=headers, timeout=20)
        assert answer.status_code == 403
    assert len(mysmpp_sandbox.messages()) == 1
    own = requests.delete(mysmpp_sandbox.url + "/api/messages", headers={"Origin": mysmpp_sandbox.url}, timeout=20)
    assert own.json() == {"deleted": 1}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
@pytest.mark.parametrize(
    ("method", "path"), [("PATCH", "/api/settings"), ("POST", "/api/faults"), ("POST", "/api/clock")]
)
def test_bad_bodies_of_the_api(mysmpp_sandbox: SandboxServer, method: str, path: str, body: bytes) -> None:
    answer = requests.request(method, mysmpp_sandbox.url + path, data=body, timeout=20)
    assert (answer.status_code, answer.json()) == (400, {"error": "the body must be a JSON object"})


def test_unknown_paths(mysmpp_sandbox: SandboxServer) -> None:
    assert post(mysmpp_sandbox, document(), "/json/").status_code == 404
    assert get(mysmpp_sandbox, "/api/requests?path=/nowhere").status_code == 400
    assert requests.post(mysmpp_sandbox.url + "/api/clock", json={}, timeout=20).status_code == 400
