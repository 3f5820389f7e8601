"""Schemathesis asks our server whatever its own /openapi.json allows, and what it forbids: every answer is one that it documents.

A 500 is not documented, and neither is a body of another form. The ordinary run is short and always the same. With
`--hypothesis-profile=explore` it draws anew for TALLYBOOK_TEST_EXPLORE_SECONDS (300) in each phase.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.acceptance.official import Client
from tests.acceptance.process import Server, running_server
from tests.acceptance.shop import FIXED_TEN, Shop, days

CHECKS = (
    "status_code_conformance,content_type_conformance,response_schema_conformance,response_headers_conformance,"
    "allow_header_conformance"
)
LOCKING_OUT = ("delete_project", "revoke_api_key", "rotate_api_key")
"""Operations that take from the run what it needs."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets keys and codes be guessed: so much is asked of it."""
    folder = tmp_path_factory.mktemp("server")
    off = dict.fromkeys(("TALLYBOOK_WRONG_KEYS_PER_MINUTE", "TALLYBOOK_UNKNOWN_CODES_PER_MINUTE"), "0")
    with running_server(f"sqlite:///{folder / 'book.db'}", folder, settings=off) as server:
        yield server


def names(client: Client) -> dict[str, str]:
    """Something of everything, by the parameter that names it in a path."""
    shop = Shop(client, "openapi")
    campaign = shop.programme().id
    rule = shop.rule(campaign, FIXED_TEN).id
    shop.rule(campaign, FIXED_TEN, pending_points=days(30))
    (tier,) = shop.tiers(campaign, {"name": "First", "points": {"from": 0}})
    card = shop.join(campaign)
    order = shop.pay(card.holder_id)
    product = client.ask("POST", "/v1/products", {"name": "Cup", "source_id": "cup"}).json["id"]
    sku = client.ask("POST", f"/v1/products/{product}/skus", {"sku": "Red cup"}).json["id"]
    collection = {"name": "Cups", "type": "STATIC", "products": [{"id": product, "object": "product"}]}
    return {
        "campaignId": campaign,
        "earningRuleId": rule,
        "loyaltyTierId": tier["id"],
        "memberId": card.code,
        "code": card.code,
        "customerId": card.holder_id,
        "orderId": order.id,
        "pendingPointsId": shop.waiting(card.code)[0]["id"],
        "productId": product,
        "skuId": sku,
        "productCollectionId": client.ask("POST", "/v1/product-collections", collection).json["id"],
        "categoryId": client.ask("POST", "/v1/categories", {"name": "Some", "hierarchy": 1}).json["id"],
        "exportId": client.ask("POST", "/v1/exports", {"exported_object": "order"}).json["id"],
    }


def written(folder: Path, project_id: str, named: dict[str, str]) -> Path:
    """A configuration that uses these names, but not for deleting what they name."""
    lines = ["[parameters]", f'"path.projectId" = "{project_id}"']
    lines += [f'"path.{parameter}" = "{name}"' for parameter, name in named.items()]
    lines += ["[[operations]]", 'include-method = "DELETE"', "[operations.parameters]"] if named else []
    lines += [f'"path.{parameter}" = "nobody"' for parameter in named]
    file = folder / "schemathesis.toml"
    file.write_text("\n".join(lines))
    return file


@pytest.mark.parametrize(("phase", "examples"), [("fuzzing", 2), ("stateful", 25)])
def test_every_answer_is_a_documented_one(server: Server, client: Client, tmp_path: Path, phase: str, examples: int) -> None:
    """Each operation by itself, about things that are there; then one after another, with what the answers name."""
    file = written(tmp_path, server.project_id, names(client) if phase == "fuzzing" else {})
    keys = {"X-App-Id": server.app_id, "X-App-Token": server.app_token}
    keys |= {"X-Management-Id": server.management_id, "X-Management-Token": server.management_token}
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(file), "run", f"{server.url}/openapi.json"]
    command += ["--checks", CHECKS, "--no-color", "--continue-on-failure", "--warnings", "off", "--suppress-health-check", "all"]
    command += [part for name, key in keys.items() for part in ("-H", f"{name}: {key}")]
    command += [part for one in LOCKING_OUT for part in ("--exclude-operation-id", one)]
    if hypothesis.settings.get_current_profile_name() == "explore":
        command += ["--max-time", os.environ.get("TALLYBOOK_TEST_EXPLORE_SECONDS", "300")]
        command += ["--phases", "coverage,fuzzing" if phase == "fuzzing" else phase]
    else:
        command += ["--seed", "1", "--no-shrink", "--phases", phase, "--max-examples", str(examples)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:]
    assert client.send("GET", "/readyz").status == 200
    assert "Traceback" not in server.log.read_text()
