//! Every table is written by one folder; anybody may read it.
//!
//! Where a table serves two, ownership goes by column group. Code that fills or repairs whole databases is exempt:
//! migrations, and the demo data with its logins.

use std::collections::{BTreeMap, BTreeSet};

use super::{assert_none, sources};

/// The owner of each table.
const HOMES: &[(&str, &str)] = &[
    ("users", "users"),
    ("therapists", "therapists"),
    ("bookings", "bookings"),
    ("booking_cancelled", "bookings"),
    ("booking_requests", "booking_requests"),
    ("client_session_notes", "notes"),
    ("client_additional_notes", "notes"),
    ("client_doc_form", "documents"),
    ("client_transfer_history", "transfers"),
    ("payments", "payments"),
    ("refund_cancellation_table", "payments"),
    ("therapist_dashboard_stats", "dashboards"),
    ("therapist_clients_summary", "dashboards"),
    ("therapist_appointments_cache", "dashboards"),
    ("therapist_resources", "therapists"),
    ("all_clients_table", "clients"),
    ("appointment_table", "clients"),
    ("audit_logs", "audit"),
    ("notifications", "notifications"),
    ("aisensy_campaign_api", "campaigns"),
    ("internal.accounts", "users"),
    ("internal.account_changes", "users"),
    ("internal.account_links", "users"),
    ("internal.calendar_links", "users"),
    ("internal.sessions", "users"),
    ("internal.second_factors", "auth"),
    ("internal.recovery_codes", "auth"),
    ("internal.refresh_tokens", "auth"),
    ("internal.login_attempts", "auth"),
    ("internal.guesses", "auth"),
    ("internal.idempotency_keys", "app"),
    ("internal.audit_entries", "audit"),
    ("internal.audit_unsealed", "audit"),
    ("internal.audit_seals", "audit"),
    ("internal.audit_checkpoints", "audit"),
    ("internal.trail_breaks", "audit"),
    ("internal.retirements", "therapists"),
    ("internal.clients", "clients"),
    ("internal.former_contacts", "clients"),
    ("internal.consents", "clients"),
    ("internal.request_clients", "booking_requests"),
    ("internal.request_facts", "booking_requests"),
    ("internal.transfer_clients", "transfers"),
    ("internal.session_notes", "notes"),
    ("internal.note_versions", "notes"),
    ("internal.note_addenda", "notes"),
    ("internal.erasures", "privacy"),
    ("internal.erase_requests", "privacy"),
    ("internal.break_glass_grants", "break_glass"),
    ("internal.erasure_certificates", "privacy"),
    ("internal.appointments_cache_rows", "dashboards"),
    ("internal.clients_summary_rows", "dashboards"),
    ("internal.booking_changes", "dashboards"),
    ("internal.client_changes", "dashboards"),
    ("internal.booking_facts", "dashboards"),
    ("internal.booking_sums", "dashboards"),
    ("internal.booking_sum_changes", "dashboards"),
    ("internal.therapist_weeks", "dashboards"),
    ("internal.therapist_week_changes", "dashboards"),
    ("internal.client_facts", "dashboards"),
    ("internal.therapist_client_facts", "dashboards"),
    ("internal.fact_changes", "dashboards"),
    ("internal.row_changes", "notifications"),
    ("internal.backfill", "dashboards"),
    ("internal.arrivals", "arrivals"),
    ("internal.inbound_endpoints", "arrivals"),
    ("internal.inbound_secrets", "arrivals"),
    ("internal.inbox", "arrivals"),
    ("internal.outbound_endpoints", "webhooks"),
    ("internal.outbound_secrets", "webhooks"),
    ("internal.webhook_deliveries", "webhooks"),
    ("internal.properties", "cli"),
    ("internal.write_probe", "http"),
    ("internal.reports", "app"),
    ("internal.disagreements", "payments"),
    ("internal.gateway_payments", "payments"),
    ("internal.gateway_refunds", "payments"),
    ("internal.payment_links", "payment_links"),
    ("internal.availability", "scheduling"),
    ("internal.availability_overrides", "scheduling"),
    ("internal.scheduling_rules", "scheduling"),
    ("internal.scheduling_policy", "scheduling"),
    ("internal.holds", "scheduling"),
    ("internal.booking_links", "booking_requests"),
    ("internal.messages", "messages"),
];

/// Columns that belong to somebody else than their table: a name, or its beginning and `*`.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("bookings", "refund_*", "payments"),
    ("bookings", "invitee_payment_*", "payments"),
    ("therapists", "sessions_booked", "dashboards"),
    ("all_clients_table", "no_of_sessions", "dashboards"),
    ("audit_logs", "is_visible", "audit_logs"),
];

/// Columns that somebody else than their owner may write too, and why.
const ALSO: &[(&str, &str, &str, &str)] = &[
    ("bookings", "invitee_status", "payments", "a payment that was awaited has arrived"),
    ("bookings", "invitee_payment_reference_id", "bookings", "a service tells the whole booking"),
    ("bookings", "invitee_payment_gateway", "bookings", "likewise"),
    ("bookings", "invitee_payment_name", "bookings", "likewise"),
    ("bookings", "invitee_payment_currency", "bookings", "likewise"),
    ("bookings", "invitee_payment_amount", "bookings", "likewise"),
];

/// Modules that may write any table.
const EXEMPT: &[&str] = &["db/migrate", "integrity/adoption", "dev/demo", "cli/serve/private.rs"];

/// A statement that changes a table.
#[derive(Debug, PartialEq, Eq)]
struct Change {
    table: String,
    /// The columns that an update sets; none where rows come or go.
    columns: Vec<String>,
}

/// The changes that a text makes.
fn changes(code: &str) -> Vec<Change> {
    let words: Vec<&str> = code
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '=' | '(' | ')' | ',' | '"')))
        .filter(|word| !word.is_empty())
        .collect();
    let clean = |word: &str| {
        let name = word.trim_start_matches("public.");
        let end = name.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')));
        name[..end.unwrap_or(name.len())].to_owned()
    };
    let mut found = Vec::new();
    for at in 0..words.len().saturating_sub(2) {
        let word = |offset: usize| words.get(at + offset).map_or("", |word| word.trim_matches(['"', '(', ')']));
        match (word(0), word(1)) {
            ("insert" | "merge", "into") | ("delete", "from") => {
                found.push(Change { table: clean(words[at + 2]), columns: Vec::new() });
            }
            ("update", table) if word(2) == "set" || word(3) == "set" || word(4) == "set" => {
                let start = (2..5).find(|offset| word(*offset) == "set").expect("just seen") + at + 1;
                found.push(Change { table: clean(table), columns: set_columns(&words[start..]) });
            }
            _ => {}
        }
    }
    found
}

/// The columns before each `=` of a SET list, up to the clause or the statement that follows.
fn set_columns(words: &[&str]) -> Vec<String> {
    let end = |word: &&&str| !matches!(**word, "where" | "from" | "returning") && !word.ends_with('"');
    let list: Vec<&str> = words.iter().take_while(end).copied().collect();
    let mut depth = 0;
    let mut columns = Vec::new();
    let mut expects_column = true;
    for pair in list.windows(2) {
        if expects_column && depth == 0 && pair[1].starts_with('=') {
            columns.push(pair[0].to_owned());
            expects_column = false;
        }
        depth += pair[0].matches('(').count();
        depth = depth.saturating_sub(pair[0].matches(')').count());
        expects_column |= depth == 0 && pair[0].ends_with(',');
    }
    columns
}

/// The owner of a column of a table.
fn owner(table: &str, column: &str) -> Option<&'static str> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => column.starts_with(start),
        None => column == pattern,
    };
    COLUMNS.iter().find(|(of, pattern, _)| *of == table && fits(pattern)).map(|(_, _, owner)| *owner)
}

#[test]
fn the_reader_of_statements_sees_what_is_written() {
    let code = r#"query!("with x as (update bookings b set refund_amount = coalesce($1, 0), refund_status = $2
        where b.id = $3) insert into internal.sessions (a) values ($1)"); // update of nothing
        query!("delete from public.payments"); select 1 for update of users"#;
    let change = |table: &str, columns: &[&str]| Change {
        table: table.to_owned(),
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
    };
    assert_eq!(
        changes(code),
        [
            change("bookings", &["refund_amount", "refund_status"]),
            change("internal.sessions", &[]),
            change("payments", &[])
        ]
    );
}

#[test]
fn every_table_is_written_at_home() {
    let homes: BTreeMap<&str, &str> = HOMES.iter().copied().collect();
    let mut faults = BTreeSet::new();
    for source in sources("src") {
        let path = source.path.display().to_string();
        if EXEMPT.iter().any(|exempt| path.starts_with(exempt)) {
            continue;
        }
        for change in changes(&source.code()) {
            let Change { table, columns } = change;
            let Some(home) = homes.get(&*table) else {
                // A common table expression or a word of prose is no table of ours; one of `internal` is.
                if table.starts_with("internal.") {
                    faults.insert(format!("{path} writes {table}, which has no home"));
                }
                continue;
            };
            let owners: BTreeSet<&str> = if columns.is_empty() {
                BTreeSet::from([*home])
            } else {
                let also = |column: &str| {
                    ALSO.iter().any(|(of, name, by, _)| *of == table && *name == column && *by == source.module())
                };
                let own = columns.iter().filter(|column| !also(column));
                own.map(|column| owner(&table, column).unwrap_or(home)).collect()
            };
            for owner in owners.into_iter().filter(|owner| *owner != source.module()) {
                faults.insert(format!("{path} writes {table} ({}), which belongs to {owner}", columns.join(", ")));
            }
        }
    }
    assert_none(&faults.into_iter().collect::<Vec<_>>(), "a table is written away from home");
}

#[test]
fn every_table_has_a_home() {
    let tables: BTreeSet<&str> = safestories::db::migrate::TABLES.into();
    let homes: BTreeSet<&str> = HOMES.iter().map(|(table, _)| *table).filter(|table| !table.contains('.')).collect();
    assert_eq!(homes, tables);
}
