//! How a list is written as CSV: the parameters of the query.

use serde::Deserialize;
use utoipa::{
    IntoParams, ToSchema,
    openapi::path::{Parameter, ParameterIn},
};

/// How the rows are written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CsvParams {
    /// As `text/csv`: the columns, in this order, by the names of the fields; all if not given.
    #[serde(default)]
    #[param(value_type = Option<Vec<String>>, style = Form, explode = false, example = "client_name,phone_number")]
    pub(crate) columns: Vec<String>,
    /// As `text/csv`: whether the first line has the names of the fields, or titles for people.
    #[param(inline)]
    pub(crate) header: Option<CsvHeader>,
    /// As `text/csv`: `excel` begins with the mark by which Excel knows UTF-8.
    #[param(inline)]
    pub(crate) charset: Option<CsvCharset>,
}

impl CsvParams {
    /// As the parameters of an operation.
    pub fn in_query() -> Vec<Parameter> {
        Self::into_params(|| Some(ParameterIn::Query))
    }
}

/// The first line of a CSV answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "CsvHeader")]
pub enum CsvHeader {
    /// `booking_start_at`.
    Names,
    /// `Booking start at`.
    Titles,
}

/// How a CSV answer is encoded: in UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(title = "CsvCharset")]
pub enum CsvCharset {
    /// Without a byte order mark.
    Utf8,
    /// With one.
    Excel,
}
