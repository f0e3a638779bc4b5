//! The pages of the front ends that a practice moves from: the data of each comes in at most three calls, and none a row.
//!
//! Left out are what needs free slots (the calendar of *Create booking*) and what is sent to people.

use crate::harness::{Database, TestApi};

/// A page of the screen: its calls, and the places in their answers that it shows.
type Page = (&'static str, &'static [(&'static str, &'static [&'static str])]);

const CLIENT: &str = "cl_0199c0de00007000800000000000000b";
const THERAPIST: &str = "58701";
/// A session of that therapist that ended.
const SESSION: &str = "bk_0199c0de00007000800000000000000d";

const SESSIONS: &[&str] = &[
    "/data/0/booking_id",
    "/data/0/booking_start_at",
    "/data/0/booking_invitee_time",
    "/data/0/booking_resource_name",
    "/data/0/invitee_name",
    "/data/0/invitee_phone",
    "/data/0/invitee_email",
    "/data/0/booking_host_name",
    "/data/0/booking_mode",
    "/data/0/booking_joining_link",
    "/data/0/booking_checkin_url",
    "/data/0/has_session_note",
    "/data/0/state",
    "/page/next",
];
const TABS: &[&str] = &["/upcoming", "/all", "/completed", "/pending_notes", "/cancelled", "/no_show"];
const NOTIFICATIONS: &[&str] =
    &["/data/0/title", "/data/0/message", "/data/0/created_at", "/data/0/is_read", "/data/0/notification_type"];

const ADMIN: &[Page] = &[
    (
        "the side bar",
        &[
            ("/api/v1/auth/me", &["/name", "/role"]),
            ("/api/v1/admin/live?include=total&limit=1", &["/page/total"]),
            ("/api/v1/admin/notifications/unread-count", &["/unread"]),
        ],
    ),
    (
        "the dashboard, of all times",
        &[
            (
                "/api/v1/admin/dashboard",
                &[
                    "/current/gross",
                    "/current/refunded",
                    "/current/sessions",
                    "/current/free_consultations",
                    "/current/cancellations",
                    "/current/refunds",
                    "/current/no_shows",
                    "/previous/sessions",
                ],
            ),
            ("/api/v1/admin/bookings?tab=upcoming&limit=10", SESSIONS),
            ("/api/v1/admin/notifications?limit=2", NOTIFICATIONS),
        ],
    ),
    (
        "creating a booking",
        &[
            ("/api/v1/admin/therapies", &["/data/0/therapy", "/data/0/therapist_ids"]),
            (
                "/api/v1/admin/clients?q=me&limit=10",
                &["/data/0/client_name", "/data/0/phone_number", "/data/0/email_id"],
            ),
        ],
    ),
    (
        "sending a booking link",
        &[
            ("/api/v1/admin/therapies", &["/data/0/therapy", "/data/0/therapist_ids"]),
            ("/api/v1/admin/clients?q=meera&limit=10", &["/data/0/client_name", "/data/0/phone_number"]),
            ("/api/v1/admin/booking-requests?limit=10", &["/data/0/client_name", "/data/0/status"]),
        ],
    ),
    ("adding a therapist", &[("/api/v1/admin/therapies", &["/data/0/therapy"])]),
    (
        "all clients, with a line for each therapist",
        &[(
            "/api/v1/admin/clients?status=active,inactive,drop_out&include=total",
            &[
                "/data/0/client_name",
                "/data/0/phone_number",
                "/data/0/email_id",
                "/data/0/no_of_sessions",
                "/data/0/assigned_therapist",
                "/data/0/next_session_at",
                "/data/0/last_session_at",
                "/data/0/status",
                "/data/0/therapists/0/name",
                "/data/0/therapists/0/sessions",
                "/page/total",
            ],
        )],
    ),
    ("transferring a client", &[("/api/v1/admin/therapists?q=ra", &["/data/0/therapist_id", "/data/0/name"])]),
    (
        "all therapists",
        &[(
            "/api/v1/admin/therapists",
            &[
                "/data/0/name",
                "/data/0/specialization",
                "/data/0/lifetime_sessions",
                "/data/0/sessions",
                "/data/0/live_booking_id",
            ],
        )],
    ),
    (
        "a therapist",
        &[
            (
                "/api/v1/admin/therapists/{therapist}/stats",
                &["/lifetime/sessions", "/lifetime/net", "/current/sessions"],
            ),
            (
                "/api/v1/admin/therapists/{therapist}/clients",
                &["/data/0/client_name", "/data/0/phone_number", "/data/0/sessions"],
            ),
            ("/api/v1/admin/therapists/{therapist}/bookings?limit=10", SESSIONS),
        ],
    ),
    (
        "a client",
        &[
            (
                "/api/v1/admin/clients/{client}",
                &["/email_id", "/phone_number", "/no_of_sessions", "/therapists", "/totals"],
            ),
            ("/api/v1/admin/clients/{client}/bookings?tab=all&limit=10", SESSIONS),
            ("/api/v1/admin/bookings/counts?client_id={client}", TABS),
        ],
    ),
    (
        "appointments",
        &[("/api/v1/admin/bookings?tab=upcoming&limit=10", SESSIONS), ("/api/v1/admin/bookings/counts", TABS)],
    ),
    (
        "payments",
        &[
            (
                "/api/v1/admin/payments?limit=10",
                &[
                    "/data/0/invitee_name",
                    "/data/0/invitee_phone",
                    "/data/0/invitee_email",
                    "/data/0/session_name",
                    "/data/0/booking_start_at",
                    "/data/0/amount",
                    "/data/0/state",
                ],
            ),
            ("/api/v1/admin/payments/counts", &["/all", "/completed", "/pending"]),
        ],
    ),
    (
        "cancellations and refunds",
        &[
            (
                "/api/v1/admin/refunds?status=initiated,failed,pending&limit=10",
                &[
                    "/data/0/client_name",
                    "/data/0/client_phone",
                    "/data/0/client_email",
                    "/data/0/session_name",
                    "/data/0/session_timings",
                    "/data/0/refund_amount",
                    "/data/0/payment_gateway_name",
                    "/data/0/state",
                ],
            ),
            ("/api/v1/admin/refunds/counts", &["/all", "/initiated", "/failed"]),
            (
                "/api/v1/admin/cancellations?limit=10",
                &["/data/0/invitee_name", "/data/0/session_name", "/data/0/booking_state"],
            ),
        ],
    ),
    (
        "notifications",
        &[
            ("/api/v1/admin/notifications?unread=true", NOTIFICATIONS),
            ("/api/v1/admin/notifications/unread-count", &["/unread"]),
        ],
    ),
    (
        "audit logs",
        &[(
            "/api/v1/admin/audit-logs",
            &[
                "/data/0/timestamp",
                "/data/0/therapist_name",
                "/data/0/action_type",
                "/data/0/action_description",
                "/data/0/client_name",
            ],
        )],
    ),
];

const OWN: &[Page] = &[
    (
        "the dashboard, of all times",
        &[
            (
                "/api/v1/therapist/dashboard",
                &["/current/sessions", "/current/no_shows", "/current/cancelled", "/current/pending_notes"],
            ),
            ("/api/v1/therapist/bookings?tab=upcoming&limit=10", SESSIONS),
            (
                "/api/v1/therapist/session-notes?status=pending&limit=3",
                &["/data/0/client_name", "/data/0/booking_start_at"],
            ),
        ],
    ),
    (
        "my clients",
        &[(
            "/api/v1/therapist/clients",
            &["/data/0/client_name", "/data/0/phone_number", "/data/0/email_id", "/data/0/no_of_sessions"],
        )],
    ),
    (
        "a client",
        &[
            ("/api/v1/therapist/clients/{client}", &["/email_id", "/phone_number", "/no_of_sessions"]),
            ("/api/v1/therapist/clients/{client}/bookings?tab=all&limit=10", SESSIONS),
            ("/api/v1/therapist/bookings/counts?client_id={client}", TABS),
        ],
    ),
    (
        "my appointments",
        &[("/api/v1/therapist/bookings?tab=upcoming&limit=10", SESSIONS), ("/api/v1/therapist/bookings/counts", TABS)],
    ),
    (
        "filling in session notes",
        &[("/api/v1/therapist/bookings/bk_0199c0de00007000800000000000000a/document-form", &["/paperform_link"])],
    ),
    (
        "a session's notes",
        &[
            (
                "/api/v1/therapist/bookings/{session}/session-note",
                &["/client_age", "/concerns_discussed", "/somatic_cues", "/addenda"],
            ),
            ("/api/v1/therapist/bookings/{session}/additional-notes", &["/data/0/note_text", "/data/0/locked_at"]),
        ],
    ),
    (
        "what happened with a client",
        &[("/api/v1/therapist/clients/{client}/timeline", &["/data/0/at", "/data/0/kind"])],
    ),
    (
        "notifications",
        &[
            ("/api/v1/therapist/notifications", NOTIFICATIONS),
            ("/api/v1/therapist/notifications/unread-count", &["/unread"]),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_old_front_ends_is_built_from_three_calls_at_most() {
    let api = TestApi::over(Database::demo().await);
    let mut faults = Vec::new();
    assert_eq!((ADMIN.len(), OWN.len()), (15, 8));
    for (person, pages) in [(api.admin(), ADMIN), (api.therapist(THERAPIST), OWN)] {
        for (page, calls) in pages {
            assert!(calls.len() <= 3, "{page}");
            for (call, shown) in *calls {
                let ids = [("{client}", CLIENT), ("{therapist}", THERAPIST), ("{session}", SESSION)];
                let path = ids.iter().fold((*call).to_owned(), |path, (name, id)| path.replace(name, id));
                let answer = person.get(&path).await;
                if answer.status != 200 {
                    faults.push(format!("{page}: {path} answers {}", answer.text));
                    continue;
                }
                let missing = shown.iter().filter(|place| answer.body.pointer(place).is_none());
                faults.extend(missing.map(|place| format!("{page}: {path} has no {place}")));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
