//! The text printed when the private practice is up.

use std::{
    io::{Write, stdout},
    net::SocketAddr,
    path::Path,
};

use super::private::{ADMIN, DEMO_PASSWORD, THERAPIST};

/// Prints where everything is, and three lines to paste.
pub(super) fn print(address: SocketAddr, folder: &Path) {
    let base = format!("http://{address}");
    let token = |username: &str| {
        format!(
            r#"$(curl -s {base}/api/v1/auth/login -H 'Content-Type: application/json' -d '{{"username":"{username}","password":"{DEMO_PASSWORD}"}}' | sed 's/.*"access_token": *"\([^"]*\)".*/\1/')"#
        )
    };
    let text = format!(
        r#"
SafeStories runs at {base}
  Docs    {base}/docs
  Logins  {ADMIN} and {THERAPIST}, password {DEMO_PASSWORD}
  Data    {folder} (a made-up practice; remove the folder to start afresh)

Paste these, one after the other: log in, list bookings, list a therapist's own.

token={admin}
curl -s -w "\n" "{base}/api/v1/admin/bookings?limit=2" -H "Authorization: Bearer $token"
curl -s -w "\n" "{base}/api/v1/therapist/bookings?limit=2" -H "Authorization: Bearer {therapist}"

Ctrl-C stops it.
"#,
        folder = folder.display(),
        admin = token(ADMIN),
        therapist = token(THERAPIST),
    );
    // Nobody needs to read it.
    let _ = stdout().write_all(text.as_bytes());
}
