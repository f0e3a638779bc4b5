//! The names of the twenty tables.

/// The twenty tables, in the order of the schema document.
pub const TABLES: [&str; 20] = [
    "users",
    "therapists",
    "bookings",
    "booking_cancelled",
    "booking_requests",
    "client_session_notes",
    "client_additional_notes",
    "client_doc_form",
    "client_transfer_history",
    "payments",
    "refund_cancellation_table",
    "therapist_dashboard_stats",
    "therapist_clients_summary",
    "therapist_appointments_cache",
    "therapist_resources",
    "all_clients_table",
    "appointment_table",
    "audit_logs",
    "notifications",
    "aisensy_campaign_api",
];
