//! The query protocol: a form asks, XML answers ("Query requests", SQS and SNS developer guides).

mod form;
mod xml;

use http::Response;

use crate::body::Body;
use crate::protocol::{Protocol, Refusal};
use crate::service::Call;

pub(crate) use form::{Form, Section};
pub(crate) use xml::Xml;

/// What every document begins with.
const PROLOG: &str = "<?xml version=\"1.0\"?>";

/// The answer of an action that has a result.
pub(crate) fn answer(call: &Call, result: impl FnOnce(&mut Xml)) -> Response<Body> {
    let name = call.action;
    document(call, |xml| xml.element(&format!("{name}Result"), result))
}

/// The answer of an action that has none.
pub(crate) fn done(call: &Call) -> Response<Body> {
    document(call, |_| ())
}

fn document(call: &Call, result: impl FnOnce(&mut Xml)) -> Response<Body> {
    let namespace = match call.protocol {
        Protocol::Query(namespace) => namespace,
        _ => "",
    };
    let mut xml = Xml::begin(PROLOG);
    xml.root(&format!("{}Response", call.action), namespace, |xml| {
        result(xml);
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", call.id.as_str()));
    });
    Protocol::Query(namespace).answer(xml.into_text())
}

/// The document of a refusal.
pub(crate) fn refusal(namespace: &str, refusal: &Refusal, id: &str) -> String {
    let mut xml = Xml::begin(PROLOG);
    xml.root("ErrorResponse", namespace, |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", refusal.fault());
            xml.text("Code", refusal.query_code.unwrap_or(refusal.code));
            xml.text("Message", &refusal.message);
        });
        xml.text("RequestId", id);
    });
    xml.into_text()
}

/// The document of a refusal of S3's, which has nothing around it.
pub(crate) fn rest_refusal(refusal: &Refusal, id: &str) -> String {
    let mut xml = Xml::begin(PROLOG);
    xml.element("Error", |xml| {
        xml.text("Code", refusal.code);
        xml.text("Message", &refusal.message);
        xml.text("RequestId", id);
    });
    xml.into_text()
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    #[test]
    fn refusals_have_the_code_of_this_protocol() {
        let refused = Refusal::new(StatusCode::BAD_REQUEST, "QueueDoesNotExist", "No <q>.");
        let error = "<Message>No &lt;q&gt;.</Message></Error><RequestId>ID</RequestId></ErrorResponse>";
        assert_eq!(
            refusal("", &refused, "ID"),
            format!("{PROLOG}<ErrorResponse><Error><Type>Sender</Type><Code>QueueDoesNotExist</Code>{error}")
        );
        assert_eq!(
            refusal("http://x/", &refused.known_as("AWS.NonExistentQueue"), "ID"),
            format!(
                "{PROLOG}<ErrorResponse xmlns=\"http://x/\"><Error><Type>Sender</Type><Code>AWS.NonExistentQueue</Code>{error}"
            )
        );
    }
}
