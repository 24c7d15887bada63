//! `[buckets.NAME]`: buckets of objects.

use std::time::Duration;

use lambent_core::{BucketName, BucketSpec, limits};

use crate::app;
use crate::fault::{Faults, Read};
use crate::keys::{Form, Key, Need, Section, set};
use crate::node::Node;
use crate::quantity::{self, Bounds};

/// How long a multipart upload may take.
const UPLOADS: Bounds<Duration> = Bounds {
    least: limits::UPLOADS_KEPT_MIN,
    most: limits::UPLOADS_KEPT_MAX,
    default: limits::UPLOADS_KEPT_DEFAULT,
};

/// What the keys of a bucket fill in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    uploads_kept: Option<Duration>,
}

/// The keys of a bucket.
pub(crate) const SECTION: Section<Draft> = Section {
    title: "a bucket",
    about: "An S3-compatible bucket. It is made when the app starts, and functions reach it with any AWS SDK; what is \
            no longer declared stays. A name has 3 to 63 lower-case letters, digits, `-` and `.`.",
    keys: &[Key {
        name: "abort-uploads-after",
        form: Form::Duration(UPLOADS),
        need: Need::Default,
        example: r#""1d""#,
        about: "How long a multipart upload may take; then its parts are removed.",
        read: |draft, node| set(&mut draft.uploads_kept, quantity::duration(node, &UPLOADS)),
    }],
    later: &[],
};

/// Reads a bucket into `app`.
pub(crate) fn read(node: &Node<'_>, app: &mut app::Draft) -> Read<()> {
    let mut faults = Faults::default();
    let name = BucketName::parse(node.name).map_err(|error| node.spot.key_fault(error.to_string()).into());
    let name = faults.keep(name);
    let mut draft = Draft::default();
    _ = faults.keep(SECTION.read(node, &mut draft));
    let Some(name) = name else { return Err(faults) };
    let spec = BucketSpec { uploads_kept: draft.uploads_kept.unwrap_or(UPLOADS.default) };
    app.buckets.push(faults.or((name, spec))?);
    Ok(())
}
