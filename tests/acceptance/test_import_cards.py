"""Cards that are brought along, as JSON and as a CSV file, over HTTP."""

from typing import Any

import pytest
import voucherify

from tests.acceptance.official import Answer, Client, Management
from tests.acceptance.shop import Shop
from tests.acceptance.test_generation import wait_until
from tests.acceptance.test_metadata_schemas import schema

FORM = "multipart/form-data; boundary=edge"


def ended(client: Client, answer: Answer, status: int) -> Any:
    """The action that this answer names, once it has ended."""
    assert answer.status == status, answer
    assert list(answer.json) == ["async_action_id"]

    def looked_at() -> Any:
        action = client.get(f"/v1/async-actions/{answer.json['async_action_id']}")
        return action if action["status"] == "DONE" else None

    return wait_until(looked_at)


def send_file(client: Client, campaign_id: str, content: str, name: str = "file") -> Answer:
    """Post a CSV file as a form has it."""
    head = f'--edge\r\nContent-Disposition: form-data; name="{name}"; filename="cards.csv"\r\nContent-Type: text/csv\r\n\r\n'
    body = f"{head}{content}\r\n--edge--\r\n".encode()
    return client.send("POST", f"/v1/campaigns/{campaign_id}/importCSV", body, {"Content-Type": FORM})


def details(answer: Answer, key: str) -> str:
    """The details of a refusal with this key."""
    assert (answer.status, answer.json["key"]) == (400, key), answer
    return str(answer.json["details"])


def test_cards_are_imported_with_what_is_said_of_them(client: Client, shop: Shop) -> None:
    """The documented example (openapi import-vouchers-to-campaign); what is not said is the campaign's."""
    campaign = shop.programme(points=100)
    codes = [shop.name("code") for _ in range(2)]
    full = {
        "code": codes[0],
        "redemption": {"quantity": 18},
        "metadata": {"season": "Fall"},
        "additional_info": "secret-code1",
        "loyalty_card": {"points": 2000},
        "active": False,
    }
    action = ended(client, client.ask("POST", f"/v1/campaigns/{campaign.id}/import", [full, {"code": codes[1]}]), 202)
    assert action["type"] == "CAMPAIGN.VOUCHERS_IMPORT"
    assert action["result"] == {
        "message": "2 voucher(s) imported successfully, 0 failed.",
        "failed": [],
        "done_count": 2,
        "failed_count": 0,
    }
    first, second = (client.get(f"/v1/vouchers/{code}") for code in codes)
    assert first["loyalty_card"] == {"points": 2000, "balance": 2000}
    assert (first["redemption"]["quantity"], first["metadata"], first["additional_info"], first["active"]) == (
        *(18, {"season": "Fall"}),
        *("secret-code1", False),
    )
    assert (second["loyalty_card"], second["active"]) == ({"points": 100, "balance": 100}, True)
    assert client.get(f"/v1/loyalties/{campaign.id}")["vouchers_count"] == 2


def test_metadata_that_does_not_fit_fails_by_the_card(client: Client, management: Management, shop: Shop) -> None:
    """The others are imported, and the action says which card failed and why (openapi get-async-action)."""
    campaign, codes = shop.programme(), [shop.name("code") for _ in range(2)]
    cards = [{"code": codes[0], "metadata": {"unit": "EUR"}}, {"code": codes[1], "metadata": {"unit": 5}}]
    with schema(management, "voucher", unit={"type": "number", "optional": False, "array": False}):
        action = ended(client, client.ask("POST", f"/v1/campaigns/{campaign.id}/import", cards), 202)
        told = send_file(client, campaign.id, f"Code,unit\n{shop.name('code')},EUR\n")
        numbered = ended(client, told, 200)["result"]["failed"]
    result, [failure] = action["result"], action["result"]["failed"]
    assert (result["done_count"], result["failed_count"], failure["code"]) == (1, 1, codes[0])
    assert failure["reason"].startswith("unit: must be a number")
    assert [one["row"] for one in numbered] == [1]


def test_cards_are_imported_from_a_file(client: Client, shop: Shop) -> None:
    """Known columns in any case, an empty cell says nothing, other columns are metadata; a byte order mark is no letter."""
    campaign, codes = shop.programme(points=100), [shop.name("code") for _ in range(3)]
    category = client.categories.create_category(
        voucherify.CategoriesCreateRequestBody.model_validate({"name": shop.name("First"), "hierarchy": 1})
    )
    lines = [
        "\ufeffActive,CODE,Loyalty Points,Gift Amount,Category,Shop, City",
        f'false,{codes[0]},300,,{category.id},"Zoë, Lda.",Lisboa',
        "",
        f"true,{codes[1]},,0,{category.name},,",
        f",{codes[2]}",
    ]
    action = ended(client, send_file(client, campaign.id, "\r\n".join(lines)), 200)
    assert (action["type"], action["result"]["done_count"]) == ("CAMPAIGN.VOUCHERS_IMPORT_CSV", 3)
    shown = [client.get(f"/v1/vouchers/{code}") for code in codes]
    assert [(one["active"], one["loyalty_card"]["balance"], one["category"], one["metadata"]) for one in shown] == [
        (False, 300, category.name, {"Shop": "Zoë, Lda.", "City": "Lisboa"}),
        (True, 100, category.name, {}),
        (True, 100, None, {}),
    ]


def test_what_cannot_be_imported_is_refused(client: Client, shop: Shop) -> None:
    """In the documented words, and nothing is imported."""
    campaign, code = shop.programme(), shop.name("code")
    path = f"/v1/campaigns/{campaign.id}/import"
    ended(client, client.ask("POST", path, [{"code": code}]), 202)
    new = shop.name("code")
    twice = client.ask("POST", path, [{"code": code}, {"code": new}, {"code": new}])
    assert details(twice, "duplicate_key") == "2 voucher codes(s) already exist."
    nameless = client.ask("POST", path, [{"code": new}, {"category": "First"}])
    assert details(nameless, "invalid_voucher") == "Found 1 voucher(s) without 'code' value"
    wrong = client.ask("POST", path, [{"code": new, "redemption": {"quantity": "many"}}])
    assert "quantity" in details(wrong, "invalid_payload")
    assert client.ask("POST", path, {"code": new}).status == 400
    assert client.ask("POST", "/v1/campaigns/camp_none/import", [{"code": new}]).status == 404
    assert client.ask("GET", f"/v1/vouchers/{new}").status == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "The first line must name the columns, and one of them must be 'Code'"),
        ("Active\ntrue", "The first line must name the columns, and one of them must be 'Code'"),
        ("Code,code\na,b", "Each column must have a name of its own"),
        ("Code,\na,b", "Each column must have a name of its own"),
        ("Code\na,b", "Line 2 has more values than there are columns"),
        ("Code,Active\na,yes", "Line 2: Active must be true or false"),
        ("Code,Loyalty Points\na,1.5", "Line 2: Loyalty Points must be a whole number"),
        ('Code\n"a', "The file must be CSV. unexpected end of data"),
        ("Code,a\nx,\0", "The file must not have NUL characters"),
        ("Code,a,b\n" + "x,,\n" * 33_333, "The file must not have more than 100000 values"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(client: Client, shop: Shop, content: str, said: str) -> None:
    """By the line, and in words for the person who made the file."""
    assert details(send_file(client, shop.programme().id, content), "invalid_payload") == said


def test_what_is_no_form_is_refused(client: Client, shop: Shop) -> None:
    """JSON, a form that breaks off, one without `file`; and cards of which something was redeemed are not built."""
    campaign_id = shop.programme().id
    path = f"/v1/campaigns/{campaign_id}/importCSV"
    assert details(client.ask("POST", path, {}), "invalid_payload") == "Payload must be multipart/form-data"
    broken = client.send("POST", path, b"--edge\r\nContent-Dis", {"Content-Type": FORM})
    assert details(broken, "invalid_payload").startswith("Payload must be multipart/form-data. ")
    other = send_file(client, campaign_id, "Code\na", name="other")
    assert details(other, "invalid_payload") == "Payload should have required property 'file'"
    assert send_file(client, campaign_id, "Code,Redeemed Quantity\na,1").status == 501
