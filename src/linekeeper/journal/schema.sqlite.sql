-- access_keys
CREATE TABLE access_keys ( id TEXT NOT NULL, secret TEXT NOT NULL, holder TEXT NOT NULL, role TEXT NOT NULL, made_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER, PRIMARY KEY (id) );
-- accounts
CREATE TABLE accounts ( account TEXT NOT NULL, layout TEXT NOT NULL, state BLOB NOT NULL, next_review INTEGER NOT NULL, decisions INTEGER NOT NULL, last_hash TEXT, policy TEXT NOT NULL, in_order INTEGER, PRIMARY KEY (account) );
-- accounts_next_review
CREATE INDEX accounts_next_review ON accounts (next_review);
-- accounts_view
CREATE VIEW accounts_view AS SELECT a.account, coalesce(json_extract(d.body, '$.after.status'), 'active') AS status, CASE WHEN d.seq IS NULL THEN json_extract(o.record, '$.limit') ELSE json_extract(d.body, '$.after.limit') END AS limit_minor, CASE WHEN d.seq IS NULL THEN json_extract(o.record, '$.limit') ELSE json_extract(d.body, '$.after.granted') END AS granted_minor, u.currency, strftime('%Y-%m-%dT%H:%M:%S', (o.at + o.shift) / 1000, 'unixepoch') || printf('.%03d', o.at % 1000) || printf('%s%02d:%02d', CASE WHEN o.shift < 0 THEN '-' ELSE '+' END, abs(o.shift) / 3600000, abs(o.shift) / 60000 % 60) AS opened_at, CASE WHEN a.next_review <= 60000 THEN date(a.next_review * 86400, 'unixepoch') END AS next_review, p.name AS policy, p.version, a.decisions, d.action AS last_action, strftime('%Y-%m-%dT%H:%M:%S', (d.at + d.shift) / 1000, 'unixepoch') || printf('.%03d', d.at % 1000) || printf('%s%02d:%02d', CASE WHEN d.shift < 0 THEN '-' ELSE '+' END, abs(d.shift) / 3600000, abs(d.shift) / 60000 % 60) AS last_decided_at, strftime('%Y-%m-%d', (d.at + d.shift) / 1000, 'unixepoch') AS last_decided_on, coalesce((SELECT coalesce(group_concat(value, ','), '') FROM json_each(d.body, '$.triggers_in_force')), '') AS triggers FROM accounts a CROSS JOIN store_units u JOIN policies p ON p.digest = a.policy JOIN (SELECT events.*, CAST(body AS TEXT) AS record, (SELECT offset_ms FROM utc_offsets WHERE from_at <= events.at ORDER BY from_at DESC LIMIT 1) AS shift FROM events) o ON o.seq = (SELECT seq FROM events WHERE events.account = a.account ORDER BY at, seq LIMIT 1) LEFT JOIN (SELECT decisions.*, CAST(record AS TEXT) AS body, (SELECT offset_ms FROM utc_offsets WHERE from_at <= decisions.at ORDER BY from_at DESC LIMIT 1) AS shift FROM decisions) d ON d.account = a.account AND d.number = a.decisions;
-- alembic_version
CREATE TABLE alembic_version ( version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num) );
-- answered_requests
CREATE TABLE answered_requests ( holder TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, figures TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (holder, key) );
-- answered_requests_at
CREATE INDEX answered_requests_at ON answered_requests (at);
-- batch_rulings
CREATE TABLE batch_rulings ( seq INTEGER NOT NULL, source TEXT NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL, ruling TEXT NOT NULL, by_whom TEXT NOT NULL, why TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (seq) );
-- book
CREATE TABLE book ( id INTEGER NOT NULL, lines INTEGER NOT NULL, granted INTEGER NOT NULL, PRIMARY KEY (id) );
-- counters
CREATE TABLE counters ( name TEXT NOT NULL, last INTEGER NOT NULL, PRIMARY KEY (name) );
-- customer_accounts
CREATE TABLE customer_accounts ( account TEXT NOT NULL, customer TEXT NOT NULL, given_until INTEGER NOT NULL, next_day INTEGER NOT NULL, fixed_until INTEGER NOT NULL, PRIMARY KEY (account) );
-- customer_accounts_customer
CREATE INDEX customer_accounts_customer ON customer_accounts (customer);
-- customer_accounts_next_day
CREATE INDEX customer_accounts_next_day ON customer_accounts (next_day);
-- decisions
CREATE TABLE decisions ( seq INTEGER NOT NULL, account TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, action TEXT NOT NULL, record BLOB NOT NULL, hash TEXT NOT NULL, PRIMARY KEY (seq), UNIQUE (account, number) );
-- decisions_view
CREATE VIEW decisions_view AS SELECT d.seq AS place, d.account, d.number, strftime('%Y-%m-%dT%H:%M:%S', (d.at + d.shift) / 1000, 'unixepoch') || printf('.%03d', d.at % 1000) || printf('%s%02d:%02d', CASE WHEN d.shift < 0 THEN '-' ELSE '+' END, abs(d.shift) / 3600000, abs(d.shift) / 60000 % 60) AS at, strftime('%Y-%m-%d', (d.at + d.shift) / 1000, 'unixepoch') AS day, json_extract(d.body, '$.event') AS event, d.action, json_extract(d.body, '$.before.limit') AS limit_before_minor, json_extract(d.body, '$.after.limit') AS limit_minor, json_extract(d.body, '$.before.granted') AS granted_before_minor, json_extract(d.body, '$.after.granted') AS granted_minor, u.currency, json_extract(d.body, '$.before.status') AS status_before, json_extract(d.body, '$.after.status') AS status, (SELECT coalesce(group_concat(value, ','), '') FROM json_each(d.body, '$.triggers_set')) AS triggers_set, (SELECT coalesce(group_concat(value, ','), '') FROM json_each(d.body, '$.triggers_released')) AS triggers_released, (SELECT coalesce(group_concat(value, ','), '') FROM json_each(d.body, '$.triggers_in_force')) AS triggers_in_force, (SELECT coalesce(group_concat(code, ','), '') FROM (SELECT json_extract(value, '$.code') AS code FROM json_each(d.body, '$.reasons') GROUP BY 1 ORDER BY min(key)) AS listed) AS reasons, json_extract(d.body, '$.score') AS score, json_extract(d.body, '$.pd_ppm') AS pd_ppm, p.name AS policy, p.version, d.hash FROM (SELECT decisions.*, CAST(record AS TEXT) AS body, (SELECT offset_ms FROM utc_offsets WHERE from_at <= decisions.at ORDER BY from_at DESC LIMIT 1) AS shift FROM decisions) d CROSS JOIN store_units u JOIN policies p ON p.digest = json_extract(d.body, '$.policy');
-- erased_accounts
CREATE TABLE erased_accounts ( mark TEXT NOT NULL, scrubbed INTEGER DEFAULT '0' NOT NULL, PRIMARY KEY (mark) );
-- events
CREATE TABLE events ( seq INTEGER NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, body BLOB NOT NULL, arrived INTEGER, PRIMARY KEY (seq), UNIQUE (id, source) );
-- events_account
CREATE INDEX events_account ON events (account, at, seq);
-- events_reversals
CREATE INDEX events_reversals ON events (account) WHERE kind = 'reversal';
-- events_view
CREATE VIEW events_view AS SELECT e.seq AS number, e.source, e.id, e.account, e.kind, strftime('%Y-%m-%dT%H:%M:%S', (e.at + e.shift) / 1000, 'unixepoch') || printf('.%03d', e.at % 1000) || printf('%s%02d:%02d', CASE WHEN e.shift < 0 THEN '-' ELSE '+' END, abs(e.shift) / 3600000, abs(e.shift) / 60000 % 60) AS at, strftime('%Y-%m-%d', (e.at + e.shift) / 1000, 'unixepoch') AS day, CASE WHEN e.kind IN ('draw', 'charge', 'repay', 'due', 'balance') THEN json_extract(e.record, '$.amount') END AS amount_minor, CASE WHEN e.kind IN ('open') THEN json_extract(e.record, '$.limit') END AS limit_minor, u.currency, CASE WHEN e.kind IN ('due') THEN date(json_extract(e.record, '$.due_on') * 86400, 'unixepoch') END AS due_on, CAST(e.record AS TEXT) AS fields, CASE WHEN e.arrived IS NOT NULL THEN strftime('%Y-%m-%dT%H:%M:%S', (e.arrived + e.arrived_shift) / 1000, 'unixepoch') || printf('.%03d', e.arrived % 1000) || printf('%s%02d:%02d', CASE WHEN e.arrived_shift < 0 THEN '-' ELSE '+' END, abs(e.arrived_shift) / 3600000, abs(e.arrived_shift) / 60000 % 60) END AS arrived_at FROM (SELECT events.*, (SELECT offset_ms FROM utc_offsets WHERE from_at <= at ORDER BY from_at DESC LIMIT 1) AS shift, (SELECT offset_ms FROM utc_offsets WHERE from_at <= arrived ORDER BY from_at DESC LIMIT 1) AS arrived_shift, CAST(body AS TEXT) AS record FROM events) e CROSS JOIN store_units u;
-- feed_batches
CREATE TABLE feed_batches ( seq INTEGER NOT NULL, source TEXT NOT NULL, content TEXT NOT NULL, name TEXT NOT NULL, figures TEXT NOT NULL, broken TEXT NOT NULL, state TEXT NOT NULL, arrived_at INTEGER NOT NULL, PRIMARY KEY (seq), UNIQUE (source, content) );
-- kept_states
CREATE TABLE kept_states ( account TEXT NOT NULL, at INTEGER NOT NULL, event INTEGER NOT NULL, policy TEXT NOT NULL, layout TEXT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (account, at, event) );
-- law
CREATE TABLE law ( id INTEGER NOT NULL, jurisdiction TEXT NOT NULL, product TEXT NOT NULL, PRIMARY KEY (id) );
-- link_things
CREATE TABLE link_things ( account TEXT NOT NULL, tie TEXT NOT NULL, thing TEXT NOT NULL, PRIMARY KEY (account, tie, thing) );
-- link_things_thing
CREATE INDEX link_things_thing ON link_things (thing);
-- linked_accounts
CREATE TABLE linked_accounts ( account TEXT NOT NULL, given_until INTEGER NOT NULL, next_day INTEGER NOT NULL, fixed_until INTEGER NOT NULL, PRIMARY KEY (account) );
-- linked_accounts_next_day
CREATE INDEX linked_accounts_next_day ON linked_accounts (next_day);
-- log_entries
CREATE TABLE log_entries ( position INTEGER NOT NULL, entry BLOB NOT NULL, key INTEGER, sealed BLOB, PRIMARY KEY (position) );
-- log_entries_key
CREATE INDEX log_entries_key ON log_entries (key);
-- log_heads
CREATE TABLE log_heads ( size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint BLOB NOT NULL, PRIMARY KEY (size) );
-- log_keys
CREATE TABLE log_keys ( id INTEGER NOT NULL, account TEXT NOT NULL, master TEXT NOT NULL, wrapped BLOB NOT NULL, PRIMARY KEY (id), UNIQUE (account) );
-- log_tail
CREATE TABLE log_tail ( id INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (id) );
-- notices
CREATE TABLE notices ( account TEXT NOT NULL, number INTEGER NOT NULL, action TEXT NOT NULL, due_at INTEGER NOT NULL, alarm_at INTEGER NOT NULL, rule TEXT NOT NULL, status TEXT NOT NULL, state TEXT NOT NULL, sent_at INTEGER, sent_position INTEGER, PRIMARY KEY (account, number) );
-- notices_pending
CREATE INDEX notices_pending ON notices (state, due_at);
-- notices_sent
CREATE UNIQUE INDEX notices_sent ON notices (sent_position);
-- notices_view
CREATE VIEW notices_view AS SELECT n.account, n.number, n.action, strftime('%Y-%m-%dT%H:%M:%S', (d.at + (SELECT offset_ms FROM utc_offsets WHERE from_at <= d.at ORDER BY from_at DESC LIMIT 1)) / 1000, 'unixepoch') || printf('.%03d', d.at % 1000) || printf('%s%02d:%02d', CASE WHEN (SELECT offset_ms FROM utc_offsets WHERE from_at <= d.at ORDER BY from_at DESC LIMIT 1) < 0 THEN '-' ELSE '+' END, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= d.at ORDER BY from_at DESC LIMIT 1)) / 3600000, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= d.at ORDER BY from_at DESC LIMIT 1)) / 60000 % 60) AS decided_at, strftime('%Y-%m-%dT%H:%M:%S', (n.due_at + (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.due_at ORDER BY from_at DESC LIMIT 1)) / 1000, 'unixepoch') || printf('.%03d', n.due_at % 1000) || printf('%s%02d:%02d', CASE WHEN (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.due_at ORDER BY from_at DESC LIMIT 1) < 0 THEN '-' ELSE '+' END, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.due_at ORDER BY from_at DESC LIMIT 1)) / 3600000, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.due_at ORDER BY from_at DESC LIMIT 1)) / 60000 % 60) AS due_at, strftime('%Y-%m-%dT%H:%M:%S', (n.alarm_at + (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.alarm_at ORDER BY from_at DESC LIMIT 1)) / 1000, 'unixepoch') || printf('.%03d', n.alarm_at % 1000) || printf('%s%02d:%02d', CASE WHEN (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.alarm_at ORDER BY from_at DESC LIMIT 1) < 0 THEN '-' ELSE '+' END, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.alarm_at ORDER BY from_at DESC LIMIT 1)) / 3600000, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.alarm_at ORDER BY from_at DESC LIMIT 1)) / 60000 % 60) AS alarm_at, n.rule, n.status AS rule_status, n.state, strftime('%Y-%m-%dT%H:%M:%S', (n.sent_at + (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.sent_at ORDER BY from_at DESC LIMIT 1)) / 1000, 'unixepoch') || printf('.%03d', n.sent_at % 1000) || printf('%s%02d:%02d', CASE WHEN (SELECT offset_ms FROM utc_offsets WHERE from_at <= n.sent_at ORDER BY from_at DESC LIMIT 1) < 0 THEN '-' ELSE '+' END, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.sent_at ORDER BY from_at DESC LIMIT 1)) / 3600000, abs((SELECT offset_ms FROM utc_offsets WHERE from_at <= n.sent_at ORDER BY from_at DESC LIMIT 1)) / 60000 % 60) AS sent_at FROM notices n JOIN decisions d ON d.account = n.account AND d.number = n.number;
-- pending_restrictions
CREATE TABLE pending_restrictions ( account TEXT NOT NULL, day INTEGER NOT NULL, event INTEGER NOT NULL, record BLOB NOT NULL, ended TEXT, ended_event INTEGER, PRIMARY KEY (account, day, event) );
-- pending_restrictions_waiting
CREATE INDEX pending_restrictions_waiting ON pending_restrictions (account) WHERE ended IS NULL;
-- policies
CREATE TABLE policies ( digest TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, card BLOB, kernel TEXT NOT NULL, signed_by TEXT, edition INTEGER NOT NULL, record_format INTEGER NOT NULL, PRIMARY KEY (digest) );
-- rejected_events
CREATE TABLE rejected_events ( seq INTEGER NOT NULL, source TEXT NOT NULL, id TEXT NOT NULL, account TEXT NOT NULL, body BLOB NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (seq) );
-- rejected_events_id
CREATE INDEX rejected_events_id ON rejected_events (id);
-- restricted
CREATE TABLE restricted ( day INTEGER NOT NULL, account TEXT NOT NULL, granted INTEGER NOT NULL, PRIMARY KEY (day, account) );
-- reviews
CREATE TABLE reviews ( seq INTEGER NOT NULL, after_event INTEGER NOT NULL, until_day INTEGER NOT NULL, PRIMARY KEY (seq) );
-- store_units
CREATE TABLE store_units ( id INTEGER NOT NULL, currency TEXT NOT NULL, minor_digits INTEGER NOT NULL, time_zone TEXT NOT NULL, PRIMARY KEY (id) );
-- unfinished_reviews
CREATE TABLE unfinished_reviews ( review INTEGER NOT NULL, policy TEXT NOT NULL, brake INTEGER NOT NULL, PRIMARY KEY (review) );
-- unfinished_runs
CREATE TABLE unfinished_runs ( source TEXT NOT NULL, content TEXT NOT NULL, events INTEGER NOT NULL, PRIMARY KEY (source, content) );
-- utc_offsets
CREATE TABLE utc_offsets ( from_at INTEGER NOT NULL, offset_ms INTEGER NOT NULL, PRIMARY KEY (from_at) );
-- version_migrations
CREATE TABLE version_migrations ( account TEXT NOT NULL, day INTEGER NOT NULL, after_event INTEGER NOT NULL, was TEXT NOT NULL, policy TEXT NOT NULL, PRIMARY KEY (account, day) );
