"""What must be true of the database, each as a query for the rows that break it: (id, expected, found). Portable SQL.

Expected is what the append-only facts say, found is what the checked row says. The source of them all is DESIGN 4 (facts and
invariants) and decisions 2, 6 and 34; the order is that of the tables: cards, ledger, lots, awards, configuration, events.
"""

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One invariant: the table whose rows it is about, and the query for those that break it."""

    name: str
    table: str
    sql: str


CARDS = (
    Check(
        "card_adds_up",
        "cards",
        """SELECT id, points - redeemed_points - subtracted_points - expired_points AS expected, balance AS found
           FROM cards WHERE balance <> points - redeemed_points - subtracted_points - expired_points ORDER BY id""",
    ),
    Check(
        "card_is_not_negative",
        "cards",
        """SELECT id, 'balance and pending points >= 0' AS expected, balance || ' and ' || pending_points AS found
           FROM cards WHERE balance < 0 OR pending_points < 0 ORDER BY id""",
    ),
    Check(
        "ledger_makes_balance",
        "cards",
        """SELECT c.id, c.initial_points + COALESCE(SUM(t.points), 0) AS expected, c.balance AS found
           FROM cards c LEFT JOIN transactions t ON t.card_id = c.id
           WHERE c.customer_id IS NOT NULL
           GROUP BY c.id, c.initial_points, c.balance
           HAVING c.initial_points + COALESCE(SUM(t.points), 0) <> c.balance ORDER BY c.id""",
    ),
    Check(
        "lots_make_balance",
        "cards",
        """SELECT c.id, COALESCE(SUM(l.points), 0) AS expected, c.balance AS found
           FROM cards c LEFT JOIN lots l ON l.card_id = c.id AND l.status IN ('ACTIVE', 'DELETED')
           WHERE c.customer_id IS NOT NULL
           GROUP BY c.id, c.balance HAVING COALESCE(SUM(l.points), 0) <> c.balance ORDER BY c.id""",
    ),
    Check(
        "unpublished_card_is_untouched",
        "cards",
        """SELECT id, 'balance ' || initial_points || ', no lots, no transactions' AS expected, 'balance ' || balance ||
                  ', last transaction ' || COALESCE(last_transaction_id, 'none') AS found
           FROM cards c
           WHERE customer_id IS NULL AND (balance <> initial_points OR last_transaction_id IS NOT NULL
               OR EXISTS (SELECT 1 FROM lots l WHERE l.card_id = c.id)
               OR EXISTS (SELECT 1 FROM transactions t WHERE t.card_id = c.id)) ORDER BY id""",
    ),
    Check(
        "ledger_ends_at_balance",
        "cards",
        """SELECT c.id, t.balance AS expected, c.balance AS found
           FROM (SELECT card_id, MAX(id) AS last_id FROM transactions GROUP BY card_id) last
           JOIN cards c ON c.id = last.card_id JOIN transactions t ON t.id = last.last_id
           WHERE t.balance <> c.balance ORDER BY c.id""",
    ),
    Check(
        "card_knows_last_transaction",
        "cards",
        """SELECT c.id, COALESCE(last.last_id, 'none') AS expected, COALESCE(c.last_transaction_id, 'none') AS found
           FROM cards c LEFT JOIN (SELECT card_id, MAX(id) AS last_id FROM transactions GROUP BY card_id) last
               ON last.card_id = c.id
           WHERE COALESCE(last.last_id, 'none') <> COALESCE(c.last_transaction_id, 'none') ORDER BY c.id""",
    ),
    Check(
        "one_card_per_customer_and_campaign",
        "cards",
        """SELECT customer_id || ' ' || campaign_id AS id, 1 AS expected, COUNT(*) AS found FROM cards
           WHERE customer_id IS NOT NULL AND deleted_at IS NULL
           GROUP BY customer_id, campaign_id HAVING COUNT(*) > 1 ORDER BY id""",
    ),
    Check(
        "deleted_card_is_at_rest",  # its points expire no more, nothing waits for it, and no other card has closed lots
        "cards",
        """SELECT c.id, 'no ACTIVE lot and nothing pending, if deleted; else no DELETED lot' AS expected,
                  'deleted: ' || CASE WHEN c.deleted_at IS NULL THEN 'no' ELSE 'yes' END || ', lots: ' ||
                  COALESCE((SELECT MIN(l.status) || ' to ' || MAX(l.status) FROM lots l WHERE l.card_id = c.id), 'none') ||
                  ', pending: ' || c.pending_points AS found
           FROM cards c
           WHERE (c.deleted_at IS NOT NULL AND (c.pending_points <> 0
                  OR EXISTS (SELECT 1 FROM lots l WHERE l.card_id = c.id AND l.status = 'ACTIVE')))
               OR (c.deleted_at IS NULL
                  AND EXISTS (SELECT 1 FROM lots l WHERE l.card_id = c.id AND l.status = 'DELETED')) ORDER BY c.id""",
    ),
    Check(
        "card_has_asset_key",  # without one anybody who knows the card's id could read its code
        "cards",
        """SELECT id, '22 characters' AS expected, LENGTH(asset_key) || ' characters' AS found
           FROM cards WHERE LENGTH(asset_key) < 22 ORDER BY id""",
    ),
    Check(
        "counter_counts_cards",
        "counters",
        """SELECT k.name AS id, COALESCE(n.cards, 0) AS expected, COALESCE(c.n, 0) AS found
           FROM (SELECT name FROM counters WHERE name LIKE 'vouchers:%'
                 UNION SELECT 'vouchers:' || campaign_id FROM cards) k
           LEFT JOIN (SELECT 'vouchers:' || campaign_id AS name, COUNT(*) AS cards FROM cards
                      WHERE deleted_at IS NULL GROUP BY campaign_id) n ON n.name = k.name
           LEFT JOIN counters c ON c.name = k.name
           WHERE COALESCE(n.cards, 0) <> COALESCE(c.n, 0) ORDER BY k.name""",
    ),
)

_BELONGS = """SELECT r.id, COALESCE(c.project_id || ' ' || c.customer_id || ' ' || c.campaign_id, 'a published card') AS expected,
                  r.project_id || ' ' || r.customer_id || ' ' || r.campaign_id AS found
           FROM {table} r LEFT JOIN cards c ON c.id = r.card_id
           WHERE c.customer_id IS NULL OR c.project_id <> r.project_id OR c.customer_id <> r.customer_id
               OR c.campaign_id <> r.campaign_id ORDER BY r.id"""

LEDGER = (
    Check("transaction_belongs_to_card", "transactions", _BELONGS.format(table="transactions")),
    Check(
        "transaction_follows_the_one_before",
        "transactions",
        """SELECT id, expected, found FROM (
               SELECT t.id, t.balance AS found, COALESCE(
                   LAG(t.balance) OVER (PARTITION BY t.card_id ORDER BY t.id), c.initial_points) + t.points AS expected
               FROM transactions t JOIN cards c ON c.id = t.card_id) follows
           WHERE expected <> found ORDER BY id""",
    ),
    Check(
        "total_is_running",  # decision 2: redemptions, and what rollbacks give back, do not change it
        "transactions",
        """SELECT id, expected, found FROM (
               SELECT t.id, t.total AS found, c.initial_points + SUM(
                   CASE WHEN t.type IN ('POINTS_REDEMPTION', 'POINTS_REFUND') THEN 0 ELSE t.points END
               ) OVER (PARTITION BY t.card_id ORDER BY t.id) AS expected
               FROM transactions t JOIN cards c ON c.id = t.card_id) running
           WHERE expected <> found ORDER BY id""",
    ),
    Check(
        "movements_make_transaction",
        "transactions",
        """SELECT t.id, t.points || ' moved one way' AS expected, COALESCE(SUM(m.points), 0) || ' in sum, ' ||
                  COALESCE(SUM(ABS(m.points)), 0) || ' moved' AS found
           FROM transactions t LEFT JOIN lot_movements m ON m.cause_id = t.id
           GROUP BY t.id, t.points
           HAVING COALESCE(SUM(m.points), 0) <> t.points OR COALESCE(SUM(ABS(m.points)), 0) <> ABS(t.points) ORDER BY t.id""",
    ),
    Check(
        "movements_make_initial_points",
        "cards",
        """SELECT c.id, c.initial_points AS expected, COALESCE(SUM(m.points), 0) AS found
           FROM cards c LEFT JOIN publications p ON p.card_id = c.id LEFT JOIN lot_movements m ON m.cause_id = p.id
           WHERE c.customer_id IS NOT NULL
           GROUP BY c.id, c.initial_points HAVING COALESCE(SUM(m.points), 0) <> c.initial_points ORDER BY c.id""",
    ),
    Check(
        "movement_has_cause",
        "lot_movements",
        """SELECT m.cause_id || ' ' || m.lot_id AS id, 'a transaction or publication of card ' || m.card_id AS expected,
                  COALESCE('card ' || t.card_id, 'card ' || p.card_id, 'none') AS found
           FROM lot_movements m LEFT JOIN transactions t ON t.id = m.cause_id LEFT JOIN publications p ON p.id = m.cause_id
           WHERE COALESCE(t.card_id, p.card_id, '') <> m.card_id ORDER BY id""",
    ),
    Check(
        "movement_has_lot",
        "lot_movements",
        """SELECT m.cause_id || ' ' || m.lot_id AS id, 'a lot of card ' || m.card_id AS expected,
                  COALESCE('card ' || l.card_id, 'none') AS found
           FROM lot_movements m LEFT JOIN lots l ON l.id = m.lot_id
           WHERE COALESCE(l.card_id, '') <> m.card_id ORDER BY id""",
    ),
)

LOTS = (
    Check("lot_belongs_to_card", "lots", _BELONGS.format(table="lots")),
    Check(
        "movements_make_lot",
        "lots",
        """SELECT l.id, COALESCE(m.points, 0) AS expected, l.points AS found
           FROM lots l LEFT JOIN (SELECT lot_id, SUM(points) AS points FROM lot_movements GROUP BY lot_id) m ON m.lot_id = l.id
           WHERE l.status IN ('ACTIVE', 'DELETED') AND l.points <> COALESCE(m.points, 0) ORDER BY l.id""",
    ),
    Check(
        "lot_is_not_negative",
        "lots",
        "SELECT id, 'points >= 0' AS expected, points AS found FROM lots WHERE points < 0 ORDER BY id",
    ),
    Check(
        "one_lot_per_card_and_date",
        "lots",
        """SELECT card_id || ' ' || expires_on AS id, 1 AS expected, COUNT(*) AS found
           FROM lots GROUP BY card_id, expires_on HAVING COUNT(*) > 1 ORDER BY id""",
    ),
)

PENDING = (
    Check(
        "entries_make_pending_points",
        "cards",
        """SELECT c.id, COALESCE(SUM(e.points), 0) AS expected, c.pending_points AS found
           FROM cards c LEFT JOIN pending_entries e ON e.card_id = c.id AND e.status = 'PENDING'
           GROUP BY c.id, c.pending_points HAVING COALESCE(SUM(e.points), 0) <> c.pending_points ORDER BY c.id""",
    ),
    Check(
        "changes_make_entry",
        "pending_entries",
        """SELECT e.id, COALESCE(SUM(h.points), 0) AS expected, CASE WHEN e.status = 'PENDING' THEN e.points ELSE 0 END AS found
           FROM pending_entries e LEFT JOIN entry_changes h ON h.entry_id = e.id
           GROUP BY e.id, e.status, e.points
           HAVING COALESCE(SUM(h.points), 0) <> CASE WHEN e.status = 'PENDING' THEN e.points ELSE 0 END ORDER BY e.id""",
    ),
    Check(
        "activations_are_in_ledger",
        "cards",
        """SELECT card_id AS id, SUM(activated) AS expected, SUM(credited) AS found FROM (
               SELECT card_id, -points AS activated, 0 AS credited FROM entry_changes WHERE change = 'ACTIVATED'
               UNION ALL SELECT card_id, 0, points FROM transactions WHERE type = 'PENDING_POINTS_ACTIVATION') both_sides
           GROUP BY card_id HAVING SUM(activated) <> SUM(credited) ORDER BY card_id""",
    ),
)

AWARDS = (
    Check(
        "one_award_per_cause_and_rule",
        "awards",
        """SELECT project_id || ' ' || cause_id || ' ' || rule_id AS id, 1 AS expected, COUNT(*) AS found
           FROM awards GROUP BY project_id, cause_id, rule_id HAVING COUNT(*) > 1 ORDER BY id""",
    ),
    Check(
        "award_is_given",
        "awards",
        """SELECT a.cause_id || ' ' || a.rule_id AS id, a.points || ' points on card ' || a.card_id AS expected,
                  COALESCE(t.points || ' points on card ' || t.card_id, 'neither transaction nor entry ' || a.given_id) AS found
           FROM awards a LEFT JOIN (
               SELECT id, points, card_id, customer_id FROM transactions
               UNION ALL SELECT entry_id, points, card_id, customer_id FROM entry_changes WHERE change = 'ADDED'
           ) t ON t.id = a.given_id
           WHERE t.id IS NULL OR t.points <> a.points OR t.card_id <> a.card_id OR t.customer_id <> a.customer_id ORDER BY id""",
    ),
    Check(
        "one_award_per_transaction",
        "awards",
        """SELECT given_id AS id, 1 AS expected, COUNT(*) AS found
           FROM awards GROUP BY given_id HAVING COUNT(*) > 1 ORDER BY given_id""",
    ),
    Check(
        "accrual_has_award",
        "transactions",
        """SELECT id, 'an award' AS expected, 'none' AS found FROM (
               SELECT id FROM transactions WHERE type = 'POINTS_ACCRUAL' EXCEPT SELECT given_id FROM awards) unawarded
           ORDER BY id""",
    ),
    Check(
        "award_names_rule_version",
        "awards",
        """SELECT a.cause_id || ' ' || a.rule_id AS id, 'version ' || a.rule_version || ' in the config history' AS expected,
                  'none' AS found
           FROM awards a LEFT JOIN config_history h ON h.id = a.rule_id || ':' || a.rule_version
           WHERE h.doc IS NULL ORDER BY id""",
    ),
    Check(
        "one_receipt_per_key",
        "receipts",
        "SELECT id, 1 AS expected, COUNT(*) AS found FROM receipts GROUP BY id HAVING COUNT(*) > 1 ORDER BY id",
    ),
)

_NEWEST = """config_history h JOIN (SELECT entity_id, MAX(version) AS version FROM config_history GROUP BY entity_id) n
               ON n.entity_id = h.entity_id AND n.version = h.version"""

CONFIGURATION = (
    Check(
        "document_is_newest_version",
        "documents",
        f"""SELECT d.id, COALESCE('version ' || n.version, 'no history') AS expected,
                  'version ' || d.version || CASE WHEN n.doc = d.doc THEN '' ELSE ' with another text' END AS found
           FROM documents d LEFT JOIN (SELECT h.entity_id, h.project_id, h.kind, h.version, h.doc FROM {_NEWEST}) n
               ON n.entity_id = d.id AND n.project_id = d.project_id AND n.kind = d.kind
           WHERE COALESCE(n.version, 0) <> d.version OR COALESCE(n.doc, '') <> d.doc ORDER BY d.id""",  # noqa: S608  # ours
    ),
    Check(
        "newest_version_is_kept",
        "config_history",
        f"""SELECT h.id, 'a document' AS expected, 'none' AS found FROM {_NEWEST} LEFT JOIN documents d ON d.id = h.entity_id
           WHERE h.doc IS NOT NULL AND d.id IS NULL ORDER BY h.id""",  # noqa: S608  # ours
    ),
    Check(
        "history_has_every_version",
        "config_history",
        """SELECT entity_id AS id, 'versions 1 to ' || MAX(version) AS expected,
                  COUNT(DISTINCT version) || ' from ' || MIN(version) AS found
           FROM config_history GROUP BY entity_id
           HAVING COUNT(DISTINCT version) <> MAX(version) OR COUNT(*) <> MAX(version) OR MIN(version) <> 1 ORDER BY entity_id""",
    ),
    Check(
        "membership_has_tier",  # deleting a campaign ends its structure, and leaves the places as they were
        "tier_memberships",
        """SELECT m.id, 'a tier of campaign ' || m.campaign_id AS expected, m.tier_id AS found
           FROM tier_memberships m LEFT JOIN documents c ON c.id = m.campaign_id
           LEFT JOIN documents d ON d.id = m.tier_id AND d.kind = 'tier'
           LEFT JOIN config_history h ON h.id = m.tier_id || ':1' AND h.kind = 'tier'
           WHERE m.tier_id IS NOT NULL AND (h.id IS NULL OR (d.id IS NULL AND c.id IS NOT NULL)) ORDER BY m.id""",
    ),
)

EVENTS = (
    Check(
        "event_has_occurrence",
        "events",
        """SELECT e.id, e.occurrence_id AS expected, 'none' AS found
           FROM events e LEFT JOIN occurrences o ON o.id = e.occurrence_id WHERE o.id IS NULL ORDER BY e.id""",
    ),
    Check(
        "event_has_customer",
        "events",
        """SELECT e.id, e.customer_id AS expected, 'none' AS found
           FROM events e LEFT JOIN customers c ON c.id = e.customer_id AND c.project_id = e.project_id
           WHERE e.customer_id IS NOT NULL AND c.id IS NULL ORDER BY e.id""",
    ),
    Check(
        "event_has_card_of_its_customer",
        "events",
        """SELECT e.id, 'a card of ' || COALESCE(e.customer_id, e.project_id) AS expected, e.card_id AS found
           FROM events e LEFT JOIN cards c ON c.id = e.card_id AND c.project_id = e.project_id
           WHERE e.card_id IS NOT NULL AND (c.id IS NULL OR (e.customer_id IS NOT NULL
               AND (c.customer_id IS NULL OR c.customer_id <> e.customer_id))) ORDER BY e.id""",
    ),
    Check(
        "customer_knows_last_sequence",
        "customers",
        """SELECT c.id, COALESCE(MAX(e.sequence), 0) AS expected, c.last_sequence AS found
           FROM customers c LEFT JOIN events e ON e.customer_id = c.id
           GROUP BY c.id, c.last_sequence HAVING COALESCE(MAX(e.sequence), 0) <> c.last_sequence ORDER BY c.id""",
    ),
    Check(
        "sequence_has_no_gaps",
        "customers",
        """SELECT customer_id AS id, '1 to ' || MAX(sequence) || ', each once' AS expected,
                  COUNT(*) || ' from ' || MIN(sequence) || ', ' || COUNT(DISTINCT sequence) || ' different' AS found
           FROM events WHERE customer_id IS NOT NULL GROUP BY customer_id
           HAVING MIN(sequence) <> 1 OR COUNT(*) <> MAX(sequence) OR COUNT(DISTINCT sequence) <> MAX(sequence)
           ORDER BY customer_id""",
    ),
    Check(
        "send_out_has_event",
        "send_outs",
        """SELECT s.id, s.event_id AS expected, 'none' AS found
           FROM send_outs s LEFT JOIN events e ON e.id = s.event_id WHERE e.id IS NULL ORDER BY s.id""",
    ),
)

ACTIONS = (
    Check(
        "action_is_as_far_as_it_says",
        "async_actions",
        """SELECT id, CASE WHEN status = 'DONE' THEN 'all of ' || total ELSE 'at most ' || total END AS expected,
                  done_count || ' done, ' || status AS found
           FROM async_actions
           WHERE done_count < 0 OR done_count > total OR (status = 'DONE' AND done_count <> total) ORDER BY id""",
    ),
    Check(
        "unfinished_action_is_known_to_campaign",
        "async_actions",
        """SELECT a.id, 'named by campaign ' || a.entity_id AS expected, 'not there' AS found
           FROM async_actions a LEFT JOIN documents d ON d.id = a.entity_id AND d.kind = 'campaign'
           WHERE a.status IN ('ENQUEUED', 'IN_PROGRESS') AND a.type LIKE 'CAMPAIGN.%'
               AND (d.id IS NULL OR d.doc NOT LIKE '%"' || a.id || '"%') ORDER BY a.id""",
    ),
    Check(
        "campaign_names_unfinished_action",
        "documents",
        """SELECT d.id, 'generations that are under way' AS expected, a.id || ' is ' || a.status AS found
           FROM async_actions a JOIN documents d ON d.id = a.entity_id AND d.kind = 'campaign'
           WHERE a.status IN ('DONE', 'FAILED') AND d.doc LIKE '%"' || a.id || '"%' ORDER BY d.id""",
    ),
)

GOODS = (
    Check(
        "sku_has_product",  # deleting a product deletes its SKUs
        "skus",
        """SELECT s.id, 'product ' || s.product_id AS expected, 'none' AS found
           FROM skus s LEFT JOIN products p ON p.id = s.product_id AND p.project_id = s.project_id AND p.deleted_at IS NULL
           WHERE s.deleted_at IS NULL AND p.id IS NULL ORDER BY s.id""",
    ),
)

PROJECTS = (
    Check(
        "holder_is_of_project",
        "cards",
        """SELECT c.id, 'a customer of project ' || c.project_id AS expected, COALESCE('one of ' || u.project_id, 'none') AS found
           FROM cards c LEFT JOIN customers u ON u.id = c.customer_id
           WHERE c.customer_id IS NOT NULL AND COALESCE(u.project_id, '') <> c.project_id ORDER BY c.id""",
    ),
    Check(
        "order_is_of_project",
        "orders",
        """SELECT o.id, 'a customer of project ' || o.project_id AS expected, COALESCE('one of ' || u.project_id, 'none') AS found
           FROM orders o LEFT JOIN customers u ON u.id = o.customer_id
           WHERE o.customer_id IS NOT NULL AND COALESCE(u.project_id, '') <> o.project_id ORDER BY o.id""",
    ),
    Check(
        "send_out_is_of_project",  # an event is told to webhooks of its own project and to no others
        "send_outs",
        """SELECT s.id, 'an event and a webhook of project ' || s.project_id AS expected,
                  e.project_id || ' and ' || COALESCE(h.project_id, 'none') AS found
           FROM send_outs s JOIN events e ON e.id = s.event_id LEFT JOIN config_history h ON h.id = s.webhook_id || ':1'
           WHERE e.project_id <> s.project_id OR COALESCE(h.project_id, '') <> s.project_id ORDER BY s.id""",
    ),
    Check(
        "project_has_owner",
        "projects",
        """SELECT p.id, 'a project ' || p.owner_id AS expected, 'none' AS found
           FROM projects p LEFT JOIN projects o ON o.id = p.owner_id
           WHERE p.owner_id IS NOT NULL AND o.id IS NULL ORDER BY p.id""",
    ),
    Check(
        "deleted_project_is_closed",
        "projects",
        """SELECT p.id, 'no key that opens, no webhook' AS expected, 'deleted with some' AS found FROM projects p
           WHERE p.deleted_at IS NOT NULL AND (
               EXISTS (SELECT 1 FROM api_keys k WHERE k.project_id = p.id AND k.revoked_at IS NULL)
               OR EXISTS (SELECT 1 FROM documents d WHERE d.project_id = p.id AND d.kind = 'webhook')) ORDER BY p.id""",
    ),
)

CHECKS = CARDS + LEDGER + LOTS + PENDING + AWARDS + CONFIGURATION + EVENTS + ACTIONS + GOODS + PROJECTS
