//! The problems with status 409 that each operation can answer, the members that they add to their documents, and what the problem
//! with status 412 shows.
//!
//! A client decides by `code`: the response of an operation is one of the kinds listed here, each a schema of its own with its
//! members. Tests hold every 409 that they meet against this list.

use serde_json::{Value, json};
use utoipa::openapi::{
    ContentBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
    schema::{Discriminator, OneOfBuilder},
};

use super::{components, problems};
use crate::error::problem::{self, ProblemKind};

/// The codes by operation, whichever its role. What is `POST`ed under a role can also be `still-running`.
const CONFLICTS: &[(&str, &[&str])] = &[
    (
        "accept_erase_request",
        &[
            "client-changed",
            "client-erased",
            "erase-request-closed",
            "not-independent",
            "own-erase-request",
            "refund-in-flight",
            "requester-gone",
            "review-open",
            "rows-added",
            "sessions-ahead",
        ],
    ),
    ("add_addendum", &["client-erased", "not-author", "note-unsigned"]),
    ("book_by_link", &["link-used", "time-not-free"]),
    ("cancel_booking", &["already-refunded", "client-erased", "nothing-to-refund", "payment-too-old", "wrong-state"]),
    ("cancel_by_link", &["too-late", "wrong-state"]),
    ("cancel_payment_link", &["client-erased", "gateway-off", "payment-link-closed"]),
    ("complete_booking", &["client-erased", "wrong-state"]),
    ("confirm_account", &["already-confirmed", "not-independent", "own-change", "unclaimed"]),
    ("confirm_totp", &["totp-enabled", "totp-not-set-up"]),
    ("create_additional_note", &["client-erased"]),
    (
        "create_booking",
        &[
            "client-ambiguous",
            "client-erased",
            "slot-closed",
            "slot-held",
            "slot-taken",
            "therapist-full",
            "therapist-retired",
        ],
    ),
    ("create_campaign", &["campaign-exists"]),
    ("create_client", &["client-ambiguous", "therapist-retired"]),
    ("create_document_form", &["client-erased"]),
    ("create_hold", &["slot-closed", "slot-held", "slot-taken", "therapist-full", "therapist-retired"]),
    ("create_session_note", &["client-erased", "no-session", "not-begun", "note-exists"]),
    ("create_therapist", &["therapist-exists"]),
    ("create_therapist_resource", &["resource-exists"]),
    ("create_user", &["username-taken"]),
    ("delete_additional_note", &["note-locked"]),
    ("disable_user", &["last-admin"]),
    ("edit_additional_note", &["client-erased", "note-locked"]),
    ("edit_booking", &["client-erased", "payment-recorded", "wrong-state"]),
    ("edit_booking_request", &["client-erased"]),
    ("edit_client", &["client-ambiguous", "client-erased"]),
    ("edit_document_form", &["client-erased"]),
    ("edit_payment", &["amount-below-refund", "reference-taken"]),
    ("edit_session_note", &["client-erased", "not-author", "note-signed"]),
    ("edit_therapist_resource", &["resource-exists"]),
    ("edit_user", &["last-admin", "own-rights", "username-taken"]),
    ("erase_client", &["client-erased", "erasure-requested", "refund-in-flight", "review-open", "sessions-ahead"]),
    ("export_client", &["client-erased"]),
    ("get_client_note", &["client-erased"]),
    ("list_client_notes", &["client-erased"]),
    ("log_booking_contact", &["client-erased"]),
    ("make_calendar_link", &["no-calendar"]),
    ("make_payment_link", &["client-erased", "gateway-off", "payment-link-open", "payment-recorded", "wrong-state"]),
    ("merge_clients", &["already-merged", "client-erased"]),
    ("move_by_link", &["time-not-free", "too-late", "wrong-state"]),
    ("move_refund", &["client-erased", "nothing-to-refund", "payment-too-old", "wrong-refund-state"]),
    ("no_show_booking", &["client-erased", "wrong-state"]),
    ("open_break_glass", &["client-erased"]),
    ("raise_sos", &["client-erased", "sos-closed"]),
    ("record_payment", &["already-paid", "client-erased", "reference-taken"]),
    ("refund_payment", &["already-refunded", "client-erased", "nothing-to-refund", "payment-too-old"]),
    ("reinstate_therapist", &["unchanged"]),
    ("remove_totp", &["totp-not-set-up"]),
    ("repair_integrity", &["client-erased"]),
    ("replace_campaign", &["campaign-exists"]),
    (
        "reschedule_booking",
        &["client-erased", "slot-closed", "slot-held", "slot-taken", "therapist-retired", "unchanged", "wrong-state"],
    ),
    ("settle_message", &["message-clear"]),
    ("test_message", &["messages-off"]),
    ("resend_message", &["message-under-way", "messages-off"]),
    ("resend_booking_request", &["already-booked", "client-erased"]),
    ("reset_password", &["own-password"]),
    (
        "restore_booking",
        &[
            "client-erased",
            "client-transferred",
            "refund-under-way",
            "slot-closed",
            "slot-held",
            "slot-taken",
            "therapist-full",
            "therapist-retired",
            "wrong-state",
        ],
    ),
    ("retire_therapist", &["last-admin", "therapist-booked", "unchanged"]),
    ("review_break_glass", &["already-reviewed", "not-independent", "own-grant"]),
    ("set_up_totp", &["totp-enabled"]),
    ("sign_session_note", &["client-erased", "no-session", "not-author", "note-signed"]),
    (
        "transfer_client",
        &[
            "already-with-therapist",
            "client-erased",
            "therapist-full",
            "therapist-retired",
            "transfer-clash",
            "transferred-meanwhile",
        ],
    ),
    (
        "transfer_clients",
        &[
            "already-with-therapist",
            "client-erased",
            "nothing-to-transfer",
            "therapist-full",
            "therapist-retired",
            "transfer-clash",
            "transferred-meanwhile",
        ],
    ),
    ("withdraw_erase_request", &["erase-request-closed"]),
];

/// The members that a kind of problem adds, as properties of a schema.
fn members(code: &str) -> Value {
    let shared =
        |name: &str, about: &str| json!({ "$ref": format!("#/components/schemas/{name}"), "description": about });
    let text = |about: &str| json!({ "type": "string", "description": about });
    let number = |about: &str| json!({ "type": "integer", "description": about });
    let instant = |about: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": about });
    let amount = |about: &str| json!({ "type": "string", "format": "decimal", "description": about });
    let list = |items: Value, about: &str| json!({ "type": "array", "items": items, "description": about });
    let session = json!({
        "type": "object",
        "description": "The session in the way",
        "properties": {
            "booking_id": text("The booking"),
            "booking_start_at": instant("When it starts"),
            "booking_end_at": instant("When it ends"),
        },
        "required": ["booking_id", "booking_start_at"],
    });
    match code {
        "wrong-state" | "no-session" => json!({ "state": shared("BookingState", "The booking's present state") }),
        "slot-taken" | "slot-held" | "slot-closed" => slot_members(code, &session),
        "payment-recorded" | "already-paid" | "reference-taken" => json!({ "payment_id": number("The payment") }),
        "client-transferred" => json!({
            "therapist_id": text("The client's present therapist"),
            "therapist_name": { "type": ["string", "null"], "description": "Their name" },
        }),
        "sos-closed" => json!({ "from": instant("Since when"), "until": instant("Until when") }),
        "already-refunded" | "wrong-refund-state" | "refund-under-way" => {
            json!({ "refund_status": text("How far the refund is") })
        }
        "amount-below-refund" => json!({ "refund_amount": amount("How much goes back") }),
        "client-ambiguous" => json!({ "candidates": list(shared("Candidate", "One of them"), "Whom it may be") }),
        "client-erased" => json!({ "certificate_id": number("The certificate of the erasure") }),
        "therapist-booked" => json!({
            "upcoming": {
                "type": "object",
                "description": "The sessions that run or are ahead",
                "properties": { "count": number("How many"), "bookings": list(session, "The first of them") },
                "required": ["count", "bookings"],
            },
        }),
        "already-with-therapist" | "transferred-meanwhile" => json!({
            "clients": list(json!({
                "type": "object",
                "properties": {
                    "client_id": text("The client"),
                    "therapist_id": { "type": ["string", "null"], "description": "Their therapist" },
                    "transfer_id": { "type": ["integer", "null"], "description": "The transfer that made it so" },
                    "transfer_date": instant("When"),
                    "transferred_by_admin_name": { "type": ["string", "null"], "description": "By whom" },
                },
                "required": ["client_id"],
            }), "Whose clients they are"),
        }),
        "transfer-clash" => json!({
            "clashes": list(shared("TransferClash", "One of them"), "The sessions that overlap others"),
            "load": shared("Load", "How much the new therapist would have to do"),
            "transfers": list(json!({
                "type": "object",
                "properties": {
                    "client_id": text("The client"),
                    "from_therapist_id": { "type": ["string", "null"], "description": "Their therapist" },
                    "plan": shared("TransferPlan", "What would become of the sessions"),
                },
                "required": ["client_id", "plan"],
            }), "What would be done, client by client"),
        }),
        "sessions-ahead" => json!({ "bookings": list(session, "These sessions") }),
        "refund-in-flight" => json!({
            "refunds": list(json!({
                "type": "object",
                "properties": {
                    "booking_id": { "type": ["string", "null"], "description": "The booking" },
                    "payment_id": { "type": ["integer", "null"], "description": "The payment" },
                    "refund_status": { "type": ["string", "null"], "description": "How far it is" },
                },
            }), "The refunds"),
        }),
        "already-merged" => json!({ "merged_into": text("The client it was merged into") }),
        "already-reviewed" => json!({
            "reviewed_at": instant("When"),
            "reviewed_by": { "type": ["integer", "null"], "description": "By whom" },
            "unreviewed_at": instant("When it was closed without a review"),
        }),
        "review-open" => json!({ "reviews": list(number("A grant"), "The grants") }),
        "note-exists" => json!({ "note_id": number("The note") }),
        "not-begun" => json!({ "booking_start_at": instant("When the session begins") }),
        "note-locked" => json!({ "locked_at": instant("Since when") }),
        "erasure-requested" => json!({ "erase_request_id": number("The request") }),
        "erase-request-closed" => json!({ "state": shared("EraseRequestState", "How the request ended") }),
        "client-changed" => json!({ "merged_client_ids": list(text("A record"), "The records") }),
        "rows-added" => json!({ "tables": {
            "type": "object",
            "additionalProperties": { "type": "integer" },
            "description": "How many rows of each table there are now",
        } }),
        "already-booked" => json!({ "booking_id": { "type": ["string", "null"], "description": "The booking" } }),
        _ => link_members(code),
    }
}

/// The members of the problems of payment links and booking links; other kinds have none.
fn link_members(code: &str) -> Value {
    let text = |about: &str| json!({ "type": ["string", "null"], "description": about });
    let instant = |about: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": about });
    match code {
        "payment-too-old" => json!({ "payment_date": instant("When it was paid") }),
        "payment-link-open" => json!({
            "short_url": text("Where it is paid; null while the gateway has not made it"),
            "expires_at": instant("Until when it can be paid"),
        }),
        "payment-link-closed" => json!({ "payment_link_state": text("How the link stands") }),
        "time-not-free" => json!({ "next_slots": next_slots() }),
        "link-used" => json!({ "booking_start_at": instant("When its session starts") }),
        "too-late" => json!({ "until": instant("Until when it could be") }),
        _ => json!({}),
    }
}

/// The free times that a refusal names.
fn next_slots() -> Value {
    let instant = |about: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": about });
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "booking_start_at": instant("When a session may start"),
                "booking_end_at": instant("When it ends"),
            },
            "required": ["booking_start_at", "booking_end_at"],
        },
        "description": "The next free times, three at most",
    })
}

/// The members of the problems of times that are not free.
fn slot_members(code: &str, session: &Value) -> Value {
    let instant = |about: &str| json!({ "type": ["string", "null"], "format": "date-time", "description": about });
    let next = next_slots();
    let clash = |kinds: Value| {
        json!({
            "type": kinds,
            "description": "The session or the hold in the way",
            "properties": {
                "booking_id": { "type": "string", "description": "The booking, if it is one" },
                "hold_id": { "type": "integer", "description": "The hold, if it is one" },
                "booking_start_at": instant("When it starts"),
                "booking_end_at": instant("When it ends"),
            },
            "required": ["booking_start_at", "booking_end_at"],
        })
    };
    match code {
        "slot-taken" => json!({ "clash": session, "next_slots": next }),
        "slot-held" => json!({ "clash": clash(json!("object")), "next_slots": next }),
        _ => json!({
            "rule": {
                "type": "string",
                "enum": ["closed", "buffer", "notice", "ahead", "sessions_a_day"],
                "description": "The rule",
            },
            "clash": clash(json!(["object", "null"])),
            "next_slots": next,
        }),
    }
}

/// The name of a kind's schema: `slot-taken` is a `SlotTakenProblem`.
fn name(code: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    code.split('-').map(capital).collect::<String>() + "Problem"
}

fn conflicts() -> impl Iterator<Item = &'static ProblemKind> {
    problems::all().filter(|kind| kind.status == axum::http::StatusCode::CONFLICT)
}

/// A schema of each kind.
pub(super) fn schemas() -> impl Iterator<Item = (String, RefOr<Schema>)> {
    conflicts().filter_map(|kind| {
        let mut properties = json!({
            "code": { "type": "string", "enum": [kind.code], "description": "The code of this kind" },
        });
        let (Value::Object(all), Value::Object(own)) = (&mut properties, members(kind.code)) else { return None };
        all.extend(own);
        let schema = json!({
            "description": kind.about,
            "allOf": [
                { "$ref": "#/components/schemas/Problem" },
                { "type": "object", "properties": properties, "required": ["code"] },
            ],
        });
        Some((name(kind.code), serde_json::from_value(schema).ok()?))
    })
}

/// The response 412 of an operation whose resource has this schema, and the schema of its document.
pub(super) fn stale(resource: &str) -> (Response, String, Option<RefOr<Schema>>) {
    let kind = &problem::STALE;
    let name = format!("Stale{resource}Problem");
    let schema = json!({
        "description": kind.about,
        "allOf": [
            { "$ref": "#/components/schemas/Problem" },
            {
                "type": "object",
                "properties": {
                    "code": { "type": "string", "enum": [kind.code], "description": "The code of this kind" },
                    "current": {
                        "$ref": format!("#/components/schemas/{resource}"),
                        "description": "The current version",
                    },
                },
                "required": ["code", "current"],
            },
        ],
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(&name)))
        .examples_from_iter([components::problem_example(kind)])
        .build();
    let mut response =
        ResponseBuilder::new().description(kind.title).content("application/problem+json", content).build();
    for header in ["ETag", "X-Request-Id"] {
        response.headers.insert(header.to_owned(), components::header(header));
    }
    (response, name, serde_json::from_value(schema).ok())
}

/// The response of an operation, by its id; none if nothing stands against it.
pub(super) fn response(operation: &str, posted: bool) -> Option<Response> {
    let id = operation
        .split_once('_')
        .filter(|(role, _)| ["admin", "therapist"].contains(role))
        .map_or(operation, |(_, id)| id);
    let own = CONFLICTS.iter().find(|(name, _)| *name == id).map_or(&[][..], |(_, codes)| *codes);
    let is_possible =
        |kind: &&ProblemKind| own.contains(&kind.code) || posted && operation != id && kind.code == "still-running";
    let kinds: Vec<&ProblemKind> = conflicts().filter(is_possible).collect();
    let refs = kinds.iter().map(|kind| (kind.code, Ref::from_schema_name(name(kind.code))));
    let mut choice = OneOfBuilder::new();
    let mut by_code = Discriminator::new("code");
    for (code, shared) in refs {
        by_code.mapping.insert(code.to_owned(), shared.ref_location.clone());
        choice = choice.item(shared);
    }
    let schema = choice.discriminator(Some(by_code));
    let titles: Vec<&str> = kinds.iter().map(|kind| kind.title).collect();
    let content = ContentBuilder::new()
        .schema(Some(schema))
        .examples_from_iter(kinds.iter().map(|kind| components::problem_example(kind)))
        .build();
    let response =
        ResponseBuilder::new().description(titles.join("; ")).content("application/problem+json", content).build();
    (!kinds.is_empty()).then_some(response)
}
