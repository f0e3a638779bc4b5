//! The frame of the OpenAPI document, and the groups of routes in it.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, Ref, Server, Tag,
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};

use super::{
    components, conflicts, examples,
    group::{Group, TOKEN},
    operation, problems, schemas,
};
use crate::{auth, domain::time::Day, error::problem::Problems, webhooks};

const ABOUT: &str = "\
The server a therapy practice runs on.

Log in at `/api/v1/auth/login` and send the access token as `Authorization: Bearer …`. Operations of admins stand under \
`/api/v1/admin`, those of therapists under `/api/v1/therapist`; every operation names its role in `x-role`.

- Times are RFC 3339 with an offset, UTC in answers. Calendar days are days of the practice's zone, or of `tz`.
- Money is a decimal string with its currency beside it.
- Lists are read page by page: `page.next` of one answer is the `cursor` of the next request.
- A parameter or a field that is not described here is refused, never ignored.
- Every failure is a problem document (RFC 9457) whose `type` is a page of this server.";

/// The descriptions of the tags that the features give their operations; a group puts its name before them.
const TAGS: &[(&str, &str)] = &[
    ("appointments", "The practice's calendar, one row a session"),
    ("audit", "The audit log: actors, actions and times"),
    ("auth", "Logging in and out, and one's own account"),
    ("booking-link", "What clients do by themselves, with the link that they were sent"),
    ("booking-requests", "Booking links sent to people who have not booked yet"),
    ("bookings", "Sessions between a therapist and a client"),
    ("break-glass", "Admins reading clinical text: with a reason, for an hour, under review"),
    ("calendar", "A therapist's sessions, for calendar programs"),
    ("messages", "Messages to clients: what was sent, what waits for a person, a preview, a test"),
    ("campaigns", "Which marketing campaign belongs to which therapy"),
    ("clients", "The people the practice is for"),
    ("dashboard", "The practice's figures"),
    ("docs", "This description, and the kinds of problems"),
    ("document-forms", "Forms that clients fill in around a booking"),
    ("integrity", "Checks of the data, and repairs"),
    ("notes", "Session notes and additional notes"),
    ("notifications", "The caller's notifications"),
    ("operation", "For whoever runs the server"),
    ("payments", "Payments of bookings"),
    ("refunds", "Refunds and cancellations"),
    ("scheduling", "Therapists' hours, free times and holds"),
    ("search", "One search box"),
    ("therapists", "The people who hold the sessions"),
    ("transfers", "Clients handed from one therapist to another"),
    ("users", "The people who log in"),
    ("webhooks", "Messages of services, and events that are sent to other systems: where, and what became of them"),
];

/// Puts the groups into one document.
pub(super) fn assemble<const N: usize>(groups: [(Group, OpenApi); N]) -> OpenApi {
    let mut document = frame();
    let mut tags = Vec::new();
    for (group, mut part) in groups {
        let mut features = Vec::new();
        for (path, item) in &mut part.paths.paths {
            for (method, operation) in schemas::operations(item) {
                features.extend(operation.tags.clone().unwrap_or_default());
                operation::complete(group, method, path, operation);
            }
        }
        features.sort_unstable();
        features.dedup();
        tags.extend(features.iter().map(|feature| tag(group, feature)));
        document = match group {
            Group::Open => document.merge_from(part),
            _ => document.nest(group.prefix(), part),
        };
    }
    document.tags = Some(tags);
    let components = document.components.get_or_insert_default();
    // The routes register the types of bodies, not those of parameters: this one is in no body.
    components.schemas.entry(Day::name().into_owned()).or_insert_with(Day::schema);
    let mut code = Ref::from_schema_name(problems::Code::name());
    "The kind of problem, by which clients decide".clone_into(&mut code.description);
    components.schemas.insert("Problem".to_owned(), Problems::schema(code));
    components.schemas.insert(problems::Code::name().into_owned(), problems::Code::schema());
    components.schemas.extend(conflicts::schemas());
    let (events, described) = webhooks::described_events();
    components.schemas.extend(described);
    document.webhooks = Some(events);
    components.responses = components::problems();
    components.headers = components::headers();
    components.parameters = components::parameters();
    let token = "The access token of a login, whichever its role; it is good for 15 minutes";
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(token));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    let cookie = "The refresh token, in browsers that asked for it as a cookie";
    let cookie = ApiKeyValue::with_description(auth::REFRESH_COOKIE, cookie);
    components.add_security_scheme("refresh_cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    let known: BTreeMap<String, Value> =
        components.schemas.iter().filter_map(|(name, schema)| Some((name.clone(), examples::first(schema)?))).collect();
    for (path, item) in &mut document.paths.paths {
        for (_, operation) in schemas::operations(item) {
            examples::settle(path, operation, |name| known.get(name).cloned());
        }
    }
    show_current(&mut document);
    schemas::settle(&mut document);
    document
}

/// Says what the 412 of each operation shows: the resource as its own path answers it.
fn show_current(document: &mut OpenApi) {
    let mut resources = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        let get = schemas::operations(item).find(|(method, _)| *method == "GET");
        if let Some(resource) = get.and_then(|(_, operation)| operation::resource(operation)) {
            resources.insert(path.clone(), resource);
        }
    }
    let mut shown = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        let mut parents =
            std::iter::successors(Some(path.as_str()), |path| path.rsplit_once('/').map(|(path, _)| path));
        let Some(resource) = parents.find_map(|path| resources.get(path)) else { continue };
        for (_, operation) in schemas::operations(item) {
            if let Some(stale) = operation.responses.responses.get_mut("412") {
                let (response, name, schema) = conflicts::stale(resource);
                *stale = response.into();
                shown.extend(schema.map(|schema| (name, schema)));
            }
        }
    }
    document.components.get_or_insert_default().schemas.extend(shown);
}

fn frame() -> OpenApi {
    // Without addresses: those of a practice are not known here, and a link that leads nowhere is none.
    let contact = ContactBuilder::new().name(Some("Whoever runs this server")).build();
    let license = LicenseBuilder::new().name("Proprietary").identifier(Some("LicenseRef-Proprietary")).build();
    let info = InfoBuilder::new()
        .title("SafeStories")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .contact(Some(contact))
        .license(Some(license))
        .build();
    OpenApiBuilder::new().info(info).servers(Some([Server::new("/")])).build()
}

fn tag(group: Group, feature: &str) -> Tag {
    let about = TAGS.iter().find(|(name, _)| *name == feature).map(|(_, about)| match group.role() {
        None => (*about).to_owned(),
        Some(role) => format!("{about}; for the role `{role}`"),
    });
    TagBuilder::new().name(group.tag(feature)).description(about).build()
}

/// Names the paths as they are called: a route cannot say that something follows a parameter within its segment.
pub(super) fn as_called(mut document: OpenApi) -> OpenApi {
    if let Some(calendar) = document.paths.paths.remove("/calendar/{token}") {
        document.paths.paths.insert("/calendar/{token}.ics".to_owned(), calendar);
    }
    document
}
