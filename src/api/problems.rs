//! The kinds of problems there are, and a page about each.

use std::borrow::Cow;

use axum::{http::header, response::IntoResponse};
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

use crate::{
    accounts,
    app::idempotency,
    audit, audit_logs, auth, booking_links, booking_requests, bookings, break_glass, campaigns, clients,
    error::{
        Error, Result,
        problem::{self, ProblemKind, Problems},
    },
    http::{extract::Path, health},
    messages, notes, payment_links, payments, privacy, scheduling, therapists, transfers, users,
};

/// The lists of the features.
const LISTS: &[&[&ProblemKind]] = &[
    problem::PROBLEMS,
    health::PROBLEMS,
    idempotency::PROBLEMS,
    campaigns::PROBLEMS,
    messages::PROBLEMS,
    audit::write::PROBLEMS,
    users::PROBLEMS,
    auth::PROBLEMS,
    accounts::PROBLEMS,
    therapists::PROBLEMS,
    clients::PROBLEMS,
    booking_requests::PROBLEMS,
    payments::PROBLEMS,
    scheduling::PROBLEMS,
    bookings::PROBLEMS,
    booking_links::PROBLEMS,
    payment_links::PROBLEMS,
    notes::PROBLEMS,
    transfers::PROBLEMS,
    break_glass::PROBLEMS,
    privacy::PROBLEMS,
    audit_logs::PROBLEMS,
];

/// All kinds.
pub(super) fn all() -> impl Iterator<Item = &'static ProblemKind> {
    LISTS.iter().copied().flatten().copied()
}

/// The code of a kind, as the document shows it.
pub(super) struct Code;

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ProblemCode")
    }
}

impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(all().map(|kind| Value::from(kind.code))))
            .title(Some("ProblemCode"))
            .into()
    }
}

/// Explain a problem
///
/// The page that the `type` of a problem document links to: when the problem occurs, and what to do.
#[utoipa::path(
    get,
    path = "/problems/{code}",
    tag = "docs",
    params(("code" = inline(Code), Path, description = "The code of the kind of problem", example = "invalid")),
    responses((status = 200, description = "The page", body = String, content_type = "text/html"), Problems),
)]
pub(super) async fn get_problem(Path(code): Path<String>) -> Result<impl IntoResponse> {
    let kind = all().find(|kind| kind.code == code).ok_or(Error::NotFound("kind of problem"))?;
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, policy)];
    Ok((headers, page(kind)))
}

fn page(ProblemKind { code, status, title, about }: &ProblemKind) -> String {
    let about = about.replace('&', "&amp;").replace('<', "&lt;");
    let quoted = about.split('`').enumerate().map(|(at, part)| match at % 2 {
        0 => part.to_owned(),
        _ => format!("<code>{part}</code>"),
    });
    let about: String = quoted.collect();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>body {{ font: 1.1rem/1.5 sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>\n\
         <h1>{title}</h1>\n<p><code>{code}</code>, answered with status {status}</p>\n<p>{about}</p>\n"
    )
}
