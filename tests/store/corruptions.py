"""Ways in which a book can be wrong, as SQL: one or more per check of `verify`.

`:bob` is the card of a member, `:first` and `:second` its first transactions, `:lot` its lot, `:waiting` an unpublished card.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Corruption:
    """What is done, which check must find it in which row, and which other checks cannot but find it too."""

    check: str
    statement: str
    row: str
    """A query for the ids that the check must name, asked after the deed."""
    also: tuple[str, ...] = ()
    unbound: str = ""
    """A table that must lose its constraints first."""


BOB = "SELECT :bob"
FIRST = "SELECT :first"
LOT = "SELECT :lot"
AWARD = "SELECT cause_id || ' ' || rule_id FROM awards WHERE given_id = :first"
PROGRAMME = "(SELECT campaign_id FROM cards WHERE id = :bob)"
HOLDER = "(SELECT customer_id FROM cards WHERE id = :bob)"
MOVEMENT = "SELECT cause_id || ' ' || lot_id FROM lot_movements WHERE cause_id = :first"
EVENT = "(SELECT MAX(id) FROM events WHERE name = 'customer.rewarded.loyalty_points')"
ENTRY = "(SELECT MIN(id) FROM pending_entries WHERE card_id = :bob)"
WEBHOOK = "(SELECT id FROM documents WHERE kind = 'webhook')"
ACTION = "SELECT id FROM async_actions"

CORRUPTIONS = [
    # products
    Corruption("sku_has_product", "UPDATE products SET deleted_at = 1", "SELECT id FROM skus"),
    # pending points
    Corruption(
        "entries_make_pending_points",
        "UPDATE cards SET pending_points = pending_points + 1 WHERE id = :bob",
        BOB,
    ),
    Corruption(
        "changes_make_entry",
        "UPDATE entry_changes SET points = points + 1 WHERE change = 'ADDED' AND entry_id = " + ENTRY,
        "SELECT " + ENTRY,
        also=("award_is_given",),
    ),
    Corruption(
        "activations_are_in_ledger",
        "UPDATE entry_changes SET change = 'ACTIVATED' WHERE entry_id = " + ENTRY,
        BOB,
        also=("award_is_given",),
    ),
    # cards
    Corruption("card_adds_up", "UPDATE cards SET redeemed_points = 1 WHERE id = :bob", BOB, unbound="cards"),
    Corruption(
        "card_is_not_negative",
        "UPDATE cards SET pending_points = -1 WHERE id = :bob",
        BOB,
        also=("entries_make_pending_points",),
        unbound="cards",
    ),
    Corruption(
        "ledger_makes_balance",
        "UPDATE cards SET points = points + 1, balance = balance + 1 WHERE id = :bob",
        BOB,
        also=("lots_make_balance", "ledger_ends_at_balance"),
    ),
    Corruption("lots_make_balance", "UPDATE lots SET points = points + 1 WHERE id = :lot", BOB, also=("movements_make_lot",)),
    Corruption("lots_make_balance", "UPDATE lots SET status = 'EXPIRED' WHERE id = :lot", BOB),
    Corruption(
        "unpublished_card_is_untouched",
        "UPDATE cards SET points = points + 1, balance = balance + 1 WHERE id = :waiting",
        "SELECT :waiting",
    ),
    Corruption(
        "unpublished_card_is_untouched",
        "UPDATE cards SET last_transaction_id = :first WHERE id = :waiting",
        "SELECT :waiting",
        also=("card_knows_last_transaction",),
    ),
    Corruption(
        "unpublished_card_is_untouched",
        "UPDATE lots SET card_id = :waiting WHERE id = :lot",
        "SELECT :waiting",
        also=("lots_make_balance", "lot_belongs_to_card", "movement_has_lot"),
    ),
    Corruption(
        "ledger_ends_at_balance",
        "UPDATE transactions SET balance = balance + 1 WHERE id = (SELECT MAX(id) FROM transactions WHERE card_id = :bob)",
        BOB,
        also=("transaction_follows_the_one_before",),
    ),
    Corruption("card_knows_last_transaction", "UPDATE cards SET last_transaction_id = NULL WHERE id = :bob", BOB),
    Corruption("card_knows_last_transaction", "UPDATE cards SET last_transaction_id = :first WHERE id = :bob", BOB),
    Corruption(
        "one_card_per_customer_and_campaign",
        f"UPDATE cards SET customer_id = {HOLDER}, campaign_id = {PROGRAMME}, points = 0, balance = 0, initial_points = 0 "
        "WHERE id = :waiting",
        f"SELECT {HOLDER} || ' ' || {PROGRAMME}",
        also=("counter_counts_cards",),
        unbound="cards",
    ),
    Corruption("deleted_card_is_at_rest", "UPDATE lots SET status = 'DELETED' WHERE id = :lot", BOB),
    Corruption(
        "deleted_card_is_at_rest",
        "UPDATE cards SET deleted_at = 1 WHERE id = :bob",
        BOB,
        also=("counter_counts_cards",),
    ),
    Corruption("card_has_asset_key", "UPDATE cards SET asset_key = '' WHERE id = :bob", BOB),
    Corruption(
        "counter_counts_cards",
        f"UPDATE counters SET n = n + 1 WHERE name = 'vouchers:' || {PROGRAMME}",
        f"SELECT 'vouchers:' || {PROGRAMME}",
    ),
    Corruption(
        "counter_counts_cards",
        f"DELETE FROM counters WHERE name = 'vouchers:' || {PROGRAMME}",
        f"SELECT 'vouchers:' || {PROGRAMME}",
    ),
    # the ledger
    Corruption("transaction_belongs_to_card", "UPDATE transactions SET campaign_id = 'camp_none' WHERE id = :first", FIRST),
    Corruption(
        "transaction_belongs_to_card",
        "UPDATE transactions SET customer_id = 'cust_none' WHERE id = :first",
        FIRST,
        also=("award_is_given",),
    ),
    Corruption(
        "transaction_follows_the_one_before",
        "UPDATE transactions SET balance = balance + 1 WHERE id = :first",
        "SELECT id FROM transactions WHERE id IN (:first, :second) ORDER BY id",
    ),
    Corruption("total_is_running", "UPDATE transactions SET total = total + 1 WHERE id = :first", FIRST),
    Corruption(
        "movements_make_transaction",
        "UPDATE lot_movements SET points = points + 1 WHERE cause_id = :first",
        FIRST,
        also=("movements_make_lot",),
    ),
    Corruption(
        "movements_make_transaction",
        "INSERT INTO lot_movements (project_id, customer_id, card_id, cause_id, lot_id, points) "
        "SELECT project_id, customer_id, card_id, cause_id, lot_id, 5 FROM lot_movements WHERE cause_id = :first "
        "UNION ALL SELECT project_id, customer_id, card_id, cause_id, lot_id, -5 FROM lot_movements WHERE cause_id = :first",
        FIRST,
        unbound="lot_movements",
    ),
    Corruption(
        "movements_make_initial_points",
        "UPDATE lot_movements SET points = points + 1 WHERE card_id = :bob AND cause_id LIKE 'pub_%'",
        BOB,
        also=("movements_make_lot",),
    ),
    Corruption(
        "movement_has_cause",
        "INSERT INTO lot_movements (project_id, customer_id, card_id, cause_id, lot_id, points) "
        "SELECT project_id, customer_id, card_id, 'vtx_none', id, 0 FROM lots WHERE id = :lot",
        "SELECT 'vtx_none ' || :lot",
    ),
    Corruption(
        "movement_has_lot",
        "UPDATE lot_movements SET lot_id = 'lopb_none' WHERE cause_id = :first",
        MOVEMENT,
        also=("movements_make_lot",),
    ),
    # lots
    Corruption("lot_belongs_to_card", "UPDATE lots SET campaign_id = 'camp_none' WHERE id = :lot", LOT),
    Corruption("lot_belongs_to_card", "UPDATE lots SET project_id = 'proj_none' WHERE id = :lot", LOT),
    Corruption("movements_make_lot", "UPDATE lots SET points = points - 1 WHERE id = :lot", LOT, also=("lots_make_balance",)),
    Corruption(
        "lot_is_not_negative",
        "UPDATE lots SET points = -1 WHERE id = :lot",
        LOT,
        also=("lots_make_balance", "movements_make_lot"),
        unbound="lots",
    ),
    Corruption(
        "one_lot_per_card_and_date",
        "INSERT INTO lots (id, project_id, customer_id, card_id, campaign_id, expires_on, points, status, created_at, version) "
        "SELECT 'lopb_twin', project_id, customer_id, card_id, campaign_id, expires_on, 0, status, created_at, version "
        "FROM lots WHERE id = :lot",
        "SELECT card_id || ' ' || expires_on FROM lots WHERE id = :lot",
        unbound="lots",
    ),
    # awards and receipts
    Corruption(
        "one_award_per_cause_and_rule",
        "INSERT INTO awards SELECT * FROM awards WHERE given_id = :first",
        "SELECT DISTINCT project_id || ' ' || cause_id || ' ' || rule_id FROM awards WHERE given_id = :first",
        also=("one_award_per_transaction",),
        unbound="awards",
    ),
    Corruption("award_is_given", "UPDATE awards SET points = points + 1 WHERE given_id = :first", AWARD),
    Corruption("award_is_given", "UPDATE awards SET card_id = :waiting WHERE given_id = :first", AWARD),
    Corruption(
        "award_is_given",
        "UPDATE awards SET given_id = 'vtx_none' WHERE given_id = :first",
        "SELECT cause_id || ' ' || rule_id FROM awards WHERE given_id = 'vtx_none'",
        also=("accrual_has_award",),
    ),
    Corruption(
        "one_award_per_transaction",
        "UPDATE awards SET given_id = :first, points = (SELECT points FROM transactions WHERE id = :first) "
        "WHERE given_id = :second",
        FIRST,
        also=("accrual_has_award",),
    ),
    Corruption("accrual_has_award", "DELETE FROM awards WHERE given_id = :first", FIRST),
    Corruption("award_names_rule_version", "UPDATE awards SET rule_version = 9 WHERE given_id = :first", AWARD),
    Corruption(
        "one_receipt_per_key",
        "INSERT INTO receipts (id, project_id, body_hash, status, created_at) "
        "SELECT 'receipt', id, 'a', 200, 0 FROM projects UNION ALL SELECT 'receipt', id, 'b', 200, 0 FROM projects",
        "SELECT 'receipt'",
        unbound="receipts",
    ),
    # configuration
    Corruption(
        "document_is_newest_version", f"UPDATE documents SET doc = doc || ' ' WHERE id = {PROGRAMME}", f"SELECT {PROGRAMME}"
    ),
    Corruption("document_is_newest_version", f"UPDATE documents SET version = 2 WHERE id = {PROGRAMME}", f"SELECT {PROGRAMME}"),
    Corruption(
        "newest_version_is_kept",
        "DELETE FROM documents WHERE kind = 'webhook'",
        "SELECT id FROM config_history WHERE kind = 'webhook'",
    ),
    Corruption(
        "history_has_every_version",
        "INSERT INTO config_history (id, project_id, kind, entity_id, version, doc, created_at) "
        "SELECT entity_id || ':3', project_id, kind, entity_id, 3, NULL, created_at FROM config_history WHERE kind = 'webhook'",
        f"SELECT {WEBHOOK}",
        also=("document_is_newest_version",),
    ),
    Corruption(
        "membership_has_tier",
        f"UPDATE tier_memberships SET tier_id = 'ltr_none' WHERE customer_id = {HOLDER}",
        f"SELECT id FROM tier_memberships WHERE customer_id = {HOLDER}",
    ),
    Corruption(
        "membership_has_tier",
        f"DELETE FROM documents WHERE id = (SELECT tier_id FROM tier_memberships WHERE customer_id = {HOLDER})",
        f"SELECT id FROM tier_memberships WHERE customer_id = {HOLDER}",
        also=("newest_version_is_kept",),
    ),
    # events
    Corruption("event_has_occurrence", f"UPDATE events SET occurrence_id = 'v-none' WHERE id = {EVENT}", f"SELECT {EVENT}"),
    Corruption(
        "event_has_customer",
        f"UPDATE events SET customer_id = 'cust_none' WHERE customer_id = {HOLDER} AND sequence = 1",
        "SELECT id FROM events WHERE customer_id = 'cust_none'",
        also=("sequence_has_no_gaps",),
    ),
    Corruption(
        "event_has_card_of_its_customer",
        f"UPDATE events SET card_id = :waiting WHERE id = {EVENT}",
        f"SELECT {EVENT}",
    ),
    Corruption(
        "customer_knows_last_sequence",
        f"UPDATE customers SET last_sequence = last_sequence + 1 WHERE id = {HOLDER}",
        f"SELECT {HOLDER}",
    ),
    Corruption(
        "sequence_has_no_gaps",
        f"UPDATE events SET sequence = 2 WHERE customer_id = {HOLDER} AND sequence = 1",
        f"SELECT {HOLDER}",
    ),
    Corruption(
        "sequence_has_no_gaps",
        f"DELETE FROM events WHERE customer_id = {HOLDER} AND sequence = 3",
        f"SELECT {HOLDER}",
        also=("send_out_has_event",),
    ),
    Corruption(
        "send_out_has_event",
        "UPDATE send_outs SET event_id = 'evcus_none' WHERE id = (SELECT MAX(id) FROM send_outs)",
        "SELECT MAX(id) FROM send_outs",
    ),
    Corruption(
        "event_names_versions",
        f"""UPDATE events SET refs = '{{"campaign":["camp_none",1]}}' WHERE id = {EVENT}""",
        f"SELECT {EVENT}",
    ),
    Corruption("event_names_versions", f"UPDATE events SET refs = 'nonsense' WHERE id = {EVENT}", f"SELECT {EVENT}"),
    # async actions
    Corruption("action_is_as_far_as_it_says", "UPDATE async_actions SET done_count = 4", ACTION, unbound="async_actions"),
    Corruption(
        "action_is_as_far_as_it_says",
        "UPDATE async_actions SET status = 'DONE'",
        ACTION,
        also=("campaign_names_unfinished_action",),
    ),
    Corruption("unfinished_action_is_known_to_campaign", f"UPDATE async_actions SET entity_id = {PROGRAMME}", ACTION),
    Corruption(
        "campaign_names_unfinished_action",
        "UPDATE async_actions SET status = 'FAILED'",
        "SELECT entity_id FROM async_actions",
    ),
    # projects
    Corruption(
        "holder_is_of_project",
        f"UPDATE customers SET project_id = 'proj_none' WHERE id = {HOLDER}",
        f"SELECT id FROM cards WHERE customer_id = {HOLDER}",
        also=("event_has_customer", "order_is_of_project"),
    ),
    Corruption(
        "order_is_of_project",
        "UPDATE orders SET project_id = 'proj_none' WHERE source_id = 'order-1'",
        "SELECT id FROM orders WHERE source_id = 'order-1'",
    ),
    Corruption(
        "send_out_is_of_project",
        "UPDATE send_outs SET project_id = 'proj_none' WHERE id = (SELECT MAX(id) FROM send_outs)",
        "SELECT MAX(id) FROM send_outs",
    ),
    Corruption(
        "send_out_is_of_project",
        "UPDATE send_outs SET webhook_id = 'wh_none' WHERE id = (SELECT MAX(id) FROM send_outs)",
        "SELECT MAX(id) FROM send_outs",
    ),
    Corruption("project_has_owner", "UPDATE projects SET owner_id = 'proj_none'", "SELECT id FROM projects"),
    Corruption("deleted_project_is_closed", "UPDATE projects SET deleted_at = 1", "SELECT id FROM projects"),
]
