-- The kinds of changes of accounts that are written. Nothing resets a second factor alone.
alter table internal.account_changes
    drop constraint account_changes_kind,
    add constraint account_changes_kind check (kind in (
        'created', 'enabled', 'password_reset', 'role_changed', 'therapist_changed'
    ));
