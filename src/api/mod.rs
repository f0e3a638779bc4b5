//! The table of contents: every feature is one line here; and the layers around them, in order.
//!
//! A group of routes is recognised by its path ([`Group`]). Its router has the handlers with their own descriptions.
//! The parts that every operation of a group shares (the callers it admits, its common errors and headers) are added to
//! the document in [`operation`], and enforced by the layers below.

mod components;
mod conflicts;
mod docs;
mod document;
mod examples;
mod group;
mod operation;
mod problems;
mod schemas;
mod start;
mod undocumented;

use std::sync::LazyLock;

use axum::{Router, extract::OriginalUri, middleware, routing::get};
use tower::util::option_layer;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{group::Group, start::Paths, undocumented::Undocumented};
use crate::{
    accounts,
    app::state::App,
    arrivals::inbox,
    audit_logs, auth, booking_links, booking_requests, bookings, break_glass, campaigns, clients, dashboards,
    documents,
    error::Error,
    http::{
        self,
        browser::{self, Methods},
        caller, health, host, panics, telemetry,
    },
    integrity, merges, notes, notifications, payments, privacy, scheduling, search, therapists, transfers, users,
    webhooks,
};

/// The routes open to everybody.
fn open() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(health::routes())
        .routes(routes!(docs::get_openapi))
        .routes(routes!(docs::get_docs))
        .routes(routes!(docs::get_docs_asset))
        .route("/docs/", get(docs::leave_folder))
        .routes(routes!(start::get_start))
        .route("/favicon.ico", get(start::get_icon))
        .route("/.well-known/security.txt", get(start::get_security_contact))
        .routes(routes!(problems::get_problem))
        .merge(bookings::open_routes())
}

/// The routes of services, which prove their messages themselves, and of clients, whom a link proves.
fn services() -> OpenApiRouter<App> {
    inbox::open_routes().merge(booking_links::open_routes())
}

/// The routes open to everybody with an account, and the login itself.
fn accounts() -> OpenApiRouter<App> {
    auth::open_routes().merge(auth::routes())
}

/// The routes of admins.
fn admin() -> OpenApiRouter<App> {
    notifications::admin_routes()
        .merge(dashboards::admin_routes())
        .merge(campaigns::admin_routes())
        .merge(users::admin_routes())
        .merge(accounts::admin_routes())
        .merge(therapists::admin_routes())
        .merge(clients::admin_routes())
        .merge(booking_requests::admin_routes())
        .merge(payments::admin_routes())
        .merge(scheduling::admin_routes())
        .merge(bookings::admin_routes())
        .merge(notes::admin_routes())
        .merge(documents::admin_routes())
        .merge(search::admin_routes())
        .merge(transfers::admin_routes())
        .merge(merges::admin_routes())
        .merge(break_glass::admin_routes())
        .merge(inbox::admin_routes())
        .merge(webhooks::admin_routes())
        .merge(privacy::admin_routes())
        .merge(audit_logs::admin_routes())
        .merge(integrity::admin_routes())
}

/// The routes of therapists.
fn therapist() -> OpenApiRouter<App> {
    notifications::therapist_routes()
        .merge(dashboards::therapist_routes())
        .merge(therapists::therapist_routes())
        .merge(clients::therapist_routes())
        .merge(scheduling::therapist_routes())
        .merge(bookings::therapist_routes())
        .merge(notes::therapist_routes())
        .merge(documents::therapist_routes())
        .merge(audit_logs::therapist_routes())
}

/// The description of the whole API.
pub fn openapi() -> OpenApi {
    document::as_called(routed())
}

/// The same, by the paths of the router.
fn routed() -> OpenApi {
    document::assemble([
        (Group::Open, open().merge(services()).into_openapi()),
        (Group::Auth, accounts().into_openapi()),
        (Group::Admin, admin().into_openapi()),
        (Group::Therapist, therapist().into_openapi()),
    ])
}

/// The parts of the OpenAPI document that the server uses while it serves.
struct Description {
    methods: Methods,
    paths: Paths,
    undocumented: Undocumented,
}

/// Taken from the description once: while it is being made, it is the biggest thing in memory.
static DESCRIPTION: LazyLock<Description> = LazyLock::new(|| {
    let mut description = routed();
    let methods = Methods::of(&description);
    let paths = Paths::of(&description);
    let undocumented = Undocumented::of(&mut description);
    docs::publish(&document::as_called(description));
    Description { methods, paths, undocumented }
});

/// The handlers of a group. One that panics still leaves an answer, and so a trail.
fn handlers(routes: OpenApiRouter<App>) -> Router<App> {
    Router::from(routes).layer(panics::caught())
}

/// The service.
pub fn router(app: App) -> Router {
    let audited = || middleware::from_fn_with_state(app.clone(), http::audit::layer);
    let browsers_ask = !app.cors_origins.is_empty();
    let methods = DESCRIPTION.methods.behind_cors(browsers_ask);
    let strict = || middleware::from_fn_with_state(DESCRIPTION.undocumented.clone(), undocumented::refuse);
    let guard = || middleware::from_fn_with_state(app.clone(), auth::guard::guard);
    let accounts = handlers(auth::routes())
        .layer(strict())
        .layer(audited())
        .layer(guard())
        .merge(handlers(auth::open_routes()).layer(strict()).layer(audited()))
        .layer(middleware::from_fn(auth::without_idempotency));
    let admin = handlers(admin())
        .layer(strict())
        .layer(middleware::from_fn(caller::admins_only))
        .layer(audited())
        .layer(guard());
    let therapist = handlers(therapist())
        .layer(strict())
        .layer(middleware::from_fn(caller::therapists_only))
        .layer(audited())
        .layer(guard());
    let services =
        handlers(services()).layer(strict()).layer(audited()).layer(middleware::from_fn(auth::without_idempotency));
    handlers(open())
        .layer(strict())
        .merge(services)
        .nest(Group::Auth.prefix(), accounts)
        .nest(Group::Admin.prefix(), admin)
        .nest(Group::Therapist.prefix(), therapist)
        .fallback(async |uri: OriginalUri| DESCRIPTION.paths.refuse(&uri))
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .layer(panics::caught())
        .layer(option_layer(browsers_ask.then(|| browser::cors(&app.cors_origins))))
        .layer(middleware::from_fn_with_state(methods, browser::options))
        .layer(browser::compression())
        .layer(middleware::from_fn(host::require))
        .layer(middleware::from_fn_with_state(app.clone(), telemetry::observe))
        .with_state(app)
}
