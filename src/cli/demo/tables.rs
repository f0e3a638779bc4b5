//! The tables that are filled.
//!
//! The order of [`Table`] is the order of loading: what a key points at comes first.

/// A table that gets rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Therapists,
    Users,
    Clients,
    Bookings,
    Appointments,
    Payments,
    Cancellations,
    Refunds,
    SessionNotes,
    AdditionalNotes,
    DocForms,
    Requests,
    Transfers,
    Notifications,
    AuditLogs,
    DashboardStats,
    ClientsSummary,
    AppointmentsCache,
    Resources,
    Campaigns,
    ClientFacts,
    RequestClients,
    TransferClients,
    CachedAppointments,
    CachedClients,
}

/// Name, column that counts by itself, the other columns; in the order of [`Table`].
const TABLES: [(Table, &str, Option<&str>, &str); 25] = [
    (
        Table::Therapists,
        "public.therapists",
        Some("id"),
        "therapist_id, name, specialization, contact_info, sessions_booked, capacity, created_at",
    ),
    (
        Table::Users,
        "public.users",
        Some("id"),
        "username, password, name, role, created_at, updated_at, therapist_id, full_name",
    ),
    (
        Table::Clients,
        "public.all_clients_table",
        None,
        "client_id, client_name, phone_number, email_id, no_of_sessions, therapist_id, assigned_therapist",
    ),
    (
        Table::Bookings,
        "public.bookings",
        None,
        "invitee_id, invitee_name, invitee_phone, invitee_email, invitee_question, invitee_token, invitee_country, \
         invitee_city, invitee_timezone, invitee_created_at, invitee_cancelled_at, invitee_cancelled_reason, \
         invitee_status, invitee_payment_reference_id, invitee_payment_gateway, invitee_payment_name, \
         invitee_payment_currency, invitee_payment_amount, booking_user_id, booking_updated_at, booking_subject, \
         booking_status, booking_resource_id, booking_resource_type, booking_resource_name, booking_checkin_url, \
         booking_mode, booking_joining_link, booking_invitee_time, booking_host_user_id, booking_host_name, \
         booking_host_phone, booking_host_email, booking_start_at, booking_end_at, booking_duration, \
         booking_cancelled_by, booking_cancel_reason, booking_id, booking_account_id, refund_amount, refund_status, \
         refund_failed_time, rescheduled_at, rescheduled_start_at, rescheduled_end_at, recheduled_from, \
         emergency_contact_name, emergency_contact_relation, emergency_contact_number, therapist_id, refund_id",
    ),
    (
        Table::Appointments,
        "public.appointment_table",
        None,
        "session_id, session_timings, session_name, session_mode, client_id, client_name, contact_info, \
         therapist_id, therapist_name",
    ),
    (
        Table::Payments,
        "public.payments",
        Some("payment_id"),
        "booking_id, invitee_name, invitee_email, payment_reference_id, amount, currency, payment_date, \
         payment_gateway_name, refund_amount, refund_initiation_date, refund_status, refund_failed_date, created_at, \
         updated_at, refund_id",
    ),
    (
        Table::Cancellations,
        "public.booking_cancelled",
        Some("id"),
        "booking_id, invitee_id, invitee_name, invitee_number, invitee_email, cancelled_at, cancelled_by, \
         cancel_reason, created_at",
    ),
    (
        Table::Refunds,
        "public.refund_cancellation_table",
        Some("id"),
        "client_id, client_name, session_id, session_name, session_timings, payment_id, refund_status, refund_id",
    ),
    (
        Table::SessionNotes,
        "public.client_session_notes",
        Some("note_id"),
        "booking_id, client_name, session_timing, host_name, session_status, client_age, gender, occupation, \
         marital_status, concerns_discussed, somatic_cues, interventions_used, interventions_helpful, \
         client_participation, goal_progress, client_values, self_harm_mention, self_harm_details, \
         current_risk_level, protective_factors, health_history, past_diagnoses, next_session_plan, \
         homework_suggested, created_at, updated_at",
    ),
    (
        Table::AdditionalNotes,
        "public.client_additional_notes",
        Some("note_id"),
        "booking_id, therapist_id, therapist_name, note_text, created_at, updated_at",
    ),
    (Table::DocForms, "public.client_doc_form", Some("link_id"), "booking_id, paperform_link, status"),
    (
        Table::Requests,
        "public.booking_requests",
        Some("request_id"),
        "client_name, client_whatsapp, client_email, therapy_type, therapist_name, booking_link, status, created_at, \
         is_free_consultation",
    ),
    (
        Table::Transfers,
        "public.client_transfer_history",
        Some("transfer_id"),
        "client_name, client_email, client_phone, from_therapist_id, from_therapist_name, to_therapist_id, \
         to_therapist_name, transferred_by_admin_id, transferred_by_admin_name, transfer_date, reason, notes",
    ),
    (
        Table::Notifications,
        "public.notifications",
        Some("notification_id"),
        "user_id, user_role, notification_type, title, message, related_id, is_read, created_at",
    ),
    (
        Table::AuditLogs,
        "public.audit_logs",
        Some("log_id"),
        "therapist_id, therapist_name, action_type, action_description, client_name, ip_address, is_visible, \
         \"timestamp\"",
    ),
    (
        Table::DashboardStats,
        "public.therapist_dashboard_stats",
        Some("id"),
        "therapist_id, total_sessions, confirmed_sessions, cancelled_sessions, no_shows, upcoming_bookings, \
         last_updated",
    ),
    (
        Table::ClientsSummary,
        "public.therapist_clients_summary",
        Some("id"),
        "therapist_id, client_name, client_email, client_phone, total_sessions, last_session_date, created_at",
    ),
    (
        Table::AppointmentsCache,
        "public.therapist_appointments_cache",
        Some("id"),
        "therapist_id, session_timings, session_name, client_name, contact_info, mode, booking_date, booking_status, \
         created_at",
    ),
    (
        Table::Resources,
        "public.therapist_resources",
        Some("id"),
        "resource_id, resource_name, therapist_id, therapist_name, created_at, therapy_name",
    ),
    (Table::Campaigns, "public.aisensy_campaign_api", None, "campaign_name, therapy, therapist_name"),
    (Table::ClientFacts, "internal.clients", None, "client_id, created_at, possible_duplicate_of"),
    (Table::RequestClients, "internal.request_clients", None, "request_id, client_id"),
    (Table::TransferClients, "internal.transfer_clients", None, "transfer_id, client_id"),
    (Table::CachedAppointments, "internal.appointments_cache_rows", None, "booking_id, id"),
    (Table::CachedClients, "internal.clients_summary_rows", None, "therapist_id, client_id, id"),
];

impl Table {
    /// How many there are.
    pub(super) const COUNT: usize = TABLES.len();

    /// All, in the order of loading.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        TABLES.iter().map(|(table, ..)| *table)
    }

    /// The name with its schema.
    pub(super) fn name(self) -> &'static str {
        TABLES[self as usize].1
    }

    /// The column that a sequence fills.
    pub(super) fn serial(self) -> Option<&'static str> {
        TABLES[self as usize].2
    }

    /// The statement that takes rows of this module.
    pub(super) fn copy_statement(self) -> String {
        let (_, name, serial, columns) = TABLES[self as usize];
        let serial = serial.map(|column| format!("{column}, ")).unwrap_or_default();
        format!("copy {name} ({serial}{columns}) from stdin")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_stand_in_their_order() {
        for (place, table) in Table::all().enumerate() {
            assert_eq!(table as usize, place);
        }
    }
}
