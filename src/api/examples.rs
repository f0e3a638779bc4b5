//! The values that tools send for the parameters, so that a page or a collection made of the document works as it is.
//!
//! Swagger UI and Postman send the example of every parameter. So a required one shows a value that the demo practice has
//! (`dev/demo/examples.sql`), and an optional one says in its description which values it takes: a filter, a cursor or an
//! entity tag that is sent unasked empties the list, or fails.

use serde_json::Value;
use utoipa::openapi::{
    RefOr, Required, Schema,
    path::{Operation, Parameter, ParameterBuilder},
};

use super::schemas;

/// Where the first example of an id's schema does not fit what the operation does: a part of the path, the parameter, and
/// its value in the demo practice.
const IDS: &[(&str, &str, &str)] = &[
    ("/complete", "booking_id", "bk_0199c0de00007000800000000000000b"),
    ("/no-show", "booking_id", "bk_0199c0de00007000800000000000000b"),
    ("/sos", "booking_id", "bk_0199c0de00007000800000000000000b"),
    ("/restore", "booking_id", "bk_0199c0de00007000800000000000000c"),
    ("/session-note", "booking_id", "bk_0199c0de00007000800000000000000d"),
    ("/additional-notes", "booking_id", "bk_0199c0de00007000800000000000000d"),
    ("/retire", "therapist_id", "th_0199c0de00007000800000000000000a"),
    ("/reinstate", "therapist_id", "th_0199c0de00007000800000000000000b"),
    ("/addenda", "note_id", "9002"),
    ("/therapist/notifications/", "id", "9002"),
    ("/erase", "client_id", "cl_0199c0de00007000800000000000000c"),
    ("/users/{id}", "id", "4"),
    ("/account-reviews/{id}", "id", "1"),
    ("/resources/{id}", "id", "1"),
    ("/break-glass/{id}", "id", "1"),
    ("/transfers/", "transfer_id", "1"),
];

/// Settles the examples of an operation's own parameters.
pub(super) fn settle(path: &str, operation: &mut Operation, example_of: impl Fn(&str) -> Option<Value>) {
    for parameter in operation.parameters.iter_mut().flatten() {
        let RefOr::T(own) = parameter else { continue };
        let settled = if own.required == Required::True {
            let id = IDS.iter().find(|(part, name, _)| path.contains(part) && *name == own.name);
            let id = id.map(|(_, _, id)| id.parse::<i32>().map_or_else(|_| Value::from(*id), Value::from));
            let shared = || match &own.schema {
                Some(RefOr::Ref(shared)) => example_of(schemas::name(shared)?),
                _ => None,
            };
            let value = id.or_else(|| example(own)).or_else(shared);
            ParameterBuilder::from(std::mem::take(own)).example(value).build()
        } else {
            described(std::mem::take(own))
        };
        *parameter = RefOr::T(settled);
    }
}

/// An optional parameter, with its example in its description instead.
pub(super) fn described(parameter: Parameter) -> Parameter {
    let Some(example) = example(&parameter) else { return parameter };
    let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
    let about = parameter.description.as_deref().unwrap_or_default().trim_end_matches('.');
    let about = format!("{about}. For example: `{example}`");
    ParameterBuilder::from(parameter).description(Some(about)).example(None).build()
}

/// The example of a parameter, which has no other way out.
fn example(parameter: &Parameter) -> Option<Value> {
    serde_json::to_value(parameter).ok()?.get_mut("example").map(Value::take)
}

/// The first example of a schema.
pub(super) fn first(schema: &RefOr<Schema>) -> Option<Value> {
    match schema {
        RefOr::T(Schema::Object(object)) => object.examples.first().cloned(),
        _ => None,
    }
}
