//! Users who cannot log in, or whose password is stored in plain text.

use sqlx::PgConnection;

use crate::{
    error::Result,
    integrity::check::{Findings, Look, Row, Sample, checks},
    users,
};

checks! {
    "plain_text_password" = Error, "Passwords that are kept as plain text" {
        rule: "`users.password` is a hash (argon2id). A plain text can be read by everybody who reads the table, and never matches at a login here.",
        find: plain_passwords,
        remedy: "`safestories user hash-legacy-passwords` replaces each by its hash: the user logs in with the same password. Admins cannot: whoever knows the plain text could then log in, unannounced.",
    }
    "user_without_therapist" = Error, "Therapists' users that stand for no therapist" {
        rule: "A user with the role `therapist` has the `therapist_id` of a therapist; without one there is nothing they may see, and they cannot log in.",
        find: without_therapist,
        remedy: "Give the user a therapist, or another role.",
    }
    "user_role_unknown" = Warning, "Users with a role nobody knows" {
        rule: "`users.role` is `admin` or `therapist`, in any letter case. A user with another role, or none, cannot log in.",
        find: unknown_role,
        remedy: "Give the user a role.",
    }
    "duplicate_user_name" = Error, "Users who share a name" {
        rule: "`users.username` is unique in any spelling: ignoring letter case, white space around it and characters that nobody sees. Nobody can log in by a name that several have.",
        find: same_name,
        remedy: "Rename all but one of them.",
    }
}

async fn plain_passwords(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let mut findings = Findings::default();
    for user in users::legacy(db).await?.iter().filter(|user| user.is_plain()) {
        findings.add(look, || Sample {
            table: "users".to_owned(),
            id: user.id.to_string(),
            about: "the password is no hash".to_owned(),
        });
    }
    Ok(findings)
}

async fn without_therapist(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'users' as "table!",
                  u.id::text as "id!",
                  case when u.therapist_id is null then 'has no therapist'
                       else concat('therapist ', u.therapist_id, ' does not exist')
                  end as "about!"
           from users u
           where internal.user_role(u.role) = 'therapist'
             and not exists (select from therapists t where t.therapist_id = u.therapist_id)
           order by u.id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn unknown_role(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'users' as "table!",
                  id::text as "id!",
                  concat('role: ', coalesce(role, 'none')) as "about!"
           from users
           where internal.user_role(role) is null
           order by id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}

async fn same_name(db: &mut PgConnection, look: Look) -> Result<Findings> {
    let rows = sqlx::query_as!(
        Row,
        r#"select count(*) over () as "total!",
                  'users' as "table!",
                  id::text as "id!",
                  concat('has the name of user ', first) as "about!"
           from (
               select id, min(id) over (partition by internal.user_key(username)) as first
               from users
           ) named
           where id <> first
           order by id
           limit $1"#,
        look.limit(),
    )
    .fetch_all(db)
    .await?;
    Ok(Findings::of(rows, look))
}
