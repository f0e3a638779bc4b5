//! The tables with rows of clients, and the statements that read one client's rows.

use futures_util::{StreamExt, stream::BoxStream};
use sqlx::PgConnection;

use crate::{
    domain::ids::{BookingId, ClientId},
    privacy::client_rows::ClientRows,
};

/// Columns that are not the client's to have, and why.
pub(crate) struct LeftOut {
    pub(crate) table: &'static str,
    pub(crate) columns: &'static [&'static str],
    /// The one kind of rows that have them nevertheless: where a column says this.
    pub(crate) but_where: Option<(&'static str, &'static str)>,
    pub(crate) why: &'static str,
}

/// The columns that are left out.
pub(crate) const LEFT_OUT: &[LeftOut] = &[
    always("bookings", &["invitee_token"], "a secret of the scheduling provider"),
    always("notifications", &["user_id", "is_read"], "whom of the staff it reached"),
    always("audit_logs", &["ip_address", "is_visible"], "about the staff"),
    always("internal.clients", &["possible_duplicate_of"], "names another client"),
    always("internal.messages", &["link", "leased_until"], "sealed, or of no meaning outside the server"),
    always("internal.audit_entries", &["session_id", "request_id", "route", "status", "ip_address"], "about the staff"),
    LeftOut {
        table: "internal.audit_entries",
        columns: &["detail"],
        // No other place keeps the former contact data.
        but_where: Some(("action", "client_contact_edit")),
        why: "may tell of other clients as well, but where the contact data was changed",
    },
];

const fn always(table: &'static str, columns: &'static [&'static str], why: &'static str) -> LeftOut {
    LeftOut { table, columns, but_where: None, why }
}

/// The columns of a table that are left out.
pub(crate) fn left_out(table: &str) -> impl Iterator<Item = &'static LeftOut> {
    LEFT_OUT.iter().filter(move |left_out| left_out.table == table)
}

/// The tables of clinical text, which an export may leave out.
pub(crate) const CLINICAL: [&str; 4] =
    ["client_session_notes", "client_additional_notes", "internal.note_versions", "internal.note_addenda"];

/// Rows as JSON texts.
pub(crate) type Rows<'c> = BoxStream<'c, sqlx::Result<String>>;

/// Names the tables, and reads from each the rows whose column is among the keys, in the order of that column; only
/// rows that meet a further condition, if there is one.
macro_rules! tables {
    ($($table:literal where $column:literal in |$theirs:ident| $keys:expr $(, and $more:literal, $argument:expr)?;)+) => {
        /// The tables, in the order in which they stand in the manifest.
        pub(crate) const TABLES: &[&str] = &[$($table),+];

        /// The rows of a client in one of [`TABLES`]; none in any other.
        pub(crate) fn rows<'c>(db: &'c mut PgConnection, table: &str, theirs: &'c ClientRows) -> Rows<'c> {
            match table {
                $($table => {
                    let $theirs = theirs;
                    sqlx::query_scalar!(
                        r#"select to_json(t)::text as "row!" from "# + $table + " t where t." + $column + " = any ($1)"
                            $(+ " and " + $more)? + " order by t." + $column + ", t.ctid",
                        $keys
                        $(, $argument)?
                    )
                    .fetch(db)
                })+
                _ => futures_util::stream::empty().boxed(),
            }
        }
    };
}

tables! {
    "all_clients_table" where "client_id" in |theirs| &theirs.clients as &[ClientId];
    // An adopted table may contain a session twice.
    "appointment_table" where "session_id" in |theirs| &theirs.bookings as &[BookingId],
        and "(t.client_id is null or t.client_id = any ($2))", &theirs.clients as &[ClientId];
    "bookings" where "booking_id" in |theirs| &theirs.bookings as &[BookingId];
    "booking_cancelled" where "id" in |theirs| &theirs.cancellations;
    "booking_requests" where "request_id" in |theirs| &theirs.requests;
    "client_session_notes" where "note_id" in |theirs| &theirs.session_notes;
    "client_additional_notes" where "note_id" in |theirs| &theirs.additional_notes;
    "client_doc_form" where "link_id" in |theirs| &theirs.forms;
    "client_transfer_history" where "transfer_id" in |theirs| &theirs.transfers;
    "payments" where "payment_id" in |theirs| &theirs.payments;
    "refund_cancellation_table" where "id" in |theirs| &theirs.refunds;
    "notifications" where "notification_id" in |theirs| &theirs.notifications;
    "audit_logs" where "log_id" in |theirs| &theirs.audit_logs;
    "therapist_clients_summary" where "id" in |theirs| &theirs.summaries;
    "therapist_appointments_cache" where "id" in |theirs| &theirs.cached_appointments;
    "internal.clients" where "client_id" in |theirs| &theirs.clients as &[ClientId];
    "internal.consents" where "client_id" in |theirs| &theirs.clients as &[ClientId];
    "internal.messages" where "message_id" in |theirs| &theirs.messages;
    "internal.request_clients" where "request_id" in |theirs| &theirs.requests;
    "internal.request_facts" where "request_id" in |theirs| &theirs.requests;
    "internal.transfer_clients" where "transfer_id" in |theirs| &theirs.transfers;
    "internal.session_notes" where "note_id" in |theirs| &theirs.session_notes;
    "internal.note_versions" where "note_id" in |theirs| &theirs.session_notes;
    "internal.note_addenda" where "note_id" in |theirs| &theirs.session_notes;
    "internal.break_glass_grants" where "grant_id" in |theirs| &theirs.grants;
    "internal.erase_requests" where "request_id" in |theirs| &theirs.erase_requests;
    "internal.audit_entries" where "client_id" in |theirs| &theirs.clients as &[ClientId];
}
