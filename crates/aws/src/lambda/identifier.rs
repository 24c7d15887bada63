//! How a caller names a function: by name, partial ARN or full ARN, each with or without a qualifier.

use std::sync::Arc;

use lambent_core::{FunctionName, FunctionVersion, NodeIdentity};
use lambent_engine::Engine;

use super::Error;
use crate::service::Call;

/// What the service model says a function's name is; for the error's text.
const PATTERN: &str = "Member must satisfy regular expression pattern: \
    (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)\
    (:(\\$LATEST|[a-zA-Z0-9-_]+))?";

/// The version that every function has.
pub(super) const LATEST: &str = "$LATEST";

/// The function that a caller named.
#[derive(Debug)]
pub(super) struct Found {
    /// The function.
    pub(super) function: Arc<FunctionVersion>,
    /// Its ARN, with the qualifier if the caller gave one.
    pub(super) arn: String,
}

impl Found {
    /// Finds the function that a call is about.
    ///
    /// # Errors
    /// When its name is none, its qualifiers contradict each other, or there is no such function or version.
    pub(super) fn by(engine: &Engine, call: &Call) -> Result<Self, Error> {
        let named = Identifier::of(&call.resource, call.query("Qualifier").as_deref())?;
        let function = engine.function(named.name.as_str());
        named.find(engine.node(), function)
    }
}

/// A function as a caller named it.
#[derive(Debug, PartialEq, Eq)]
struct Identifier {
    region: Option<String>,
    account: Option<String>,
    name: FunctionName,
    qualifier: Option<String>,
}

impl Identifier {
    /// Reads the name in the path, and the qualifier in the query.
    fn of(text: &str, query: Option<&str>) -> Result<Self, Error> {
        let no_name = || Error::Constraint {
            value: text.to_owned(),
            member: "functionName",
            constraint: PATTERN.to_owned(),
        };
        let mut named = Self::parse(text).ok_or_else(no_name)?;
        let Some(query) = query.filter(|query| !query.is_empty()) else { return Ok(named) };
        if !is_qualifier(query) {
            return Err(Error::Constraint {
                value: query.to_owned(),
                member: "qualifier",
                constraint: "Member must satisfy regular expression pattern: (|[a-zA-Z0-9$_-]+)".to_owned(),
            });
        }
        if named.qualifier.as_deref().is_some_and(|qualifier| qualifier != query) {
            return Err(Error::Parameter(
                "The derived qualifier from the function name does not match the specified qualifier."
                    .to_owned(),
            ));
        }
        named.qualifier = Some(query.to_owned());
        Ok(named)
    }

    /// Reads `[arn:aws:lambda:][region:][account:][function:]name[:qualifier]`. What can be left out is taken where
    /// it fits and a name still follows, as the pattern of the service model takes it.
    fn parse(text: &str) -> Option<Self> {
        let mut parts: Vec<&str> = text.split(':').collect();
        parts.reverse();
        let mut next_if = |is: fn(&str) -> bool| {
            let fits = parts.len() > 1 && parts.last().is_some_and(|part| is(part));
            if fits { parts.pop() } else { None }
        };
        if next_if(|part| part == "arn").is_some() {
            next_if(|part| part.is_empty() || part.starts_with("aws"))?;
            next_if(|part| part == "lambda")?;
        }
        let region = next_if(is_region).map(str::to_owned);
        let account =
            next_if(|part| part.len() == 12 && part.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned);
        next_if(|part| part == "function");
        let name = FunctionName::parse(parts.pop()?).ok()?;
        let qualifier = parts.pop();
        if !parts.is_empty() || !qualifier.is_none_or(is_qualifier) {
            return None;
        }
        Some(Self { region, account, name, qualifier: qualifier.map(str::to_owned) })
    }

    /// The function, if it is the one that was named: of this region, this account and this version.
    fn find(&self, node: &NodeIdentity, function: Option<Arc<FunctionVersion>>) -> Result<Found, Error> {
        let is = |named: &Option<String>, here: &str| named.as_deref().is_none_or(|named| named == here);
        let here = is(&self.region, &node.region) && is(&self.account, &node.account);
        let arn = self.arn(node);
        match function.filter(|function| here && is(&self.qualifier, &function.version)) {
            Some(function) => Ok(Found { function, arn }),
            None => Err(Error::NotFound { arn }),
        }
    }

    fn arn(&self, node: &NodeIdentity) -> String {
        let named = NodeIdentity {
            region: self.region.as_ref().unwrap_or(&node.region).clone(),
            account: self.account.as_ref().unwrap_or(&node.account).clone(),
        };
        let arn = named.function_arn(&self.name);
        match &self.qualifier {
            Some(qualifier) => format!("{arn}:{qualifier}"),
            None => arn,
        }
    }
}

/// `[a-z]{2}(-gov)?-[a-z]+-\d`
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (land, area, number) = match parts.as_slice() {
        [land, area, number] | [land, "gov", area, number] => (land, area, number),
        _ => return false,
    };
    let letters = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    land.len() == 2
        && letters(land)
        && letters(area)
        && number.len() == 1
        && number.bytes().all(|b| b.is_ascii_digit())
}

fn is_qualifier(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'_' | b'-');
    !text.is_empty() && text.len() <= 128 && text.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        let check =
            |text: &str, region: Option<&str>, account: Option<&str>, name: &str, qualifier: Option<&str>| {
                let expect = Identifier {
                    region: region.map(str::to_owned),
                    account: account.map(str::to_owned),
                    name: FunctionName::parse(name).unwrap(),
                    qualifier: qualifier.map(str::to_owned),
                };
                assert_eq!(Identifier::parse(text), Some(expect), "{text}");
            };
        let (here, me) = (Some("us-east-1"), Some("000000000000"));
        check("f", None, None, "f", None);
        check("f:$LATEST", None, None, "f", Some(LATEST));
        check("f:prod", None, None, "f", Some("prod"));
        check("function", None, None, "function", None);
        check("function:f", None, None, "f", None);
        check("000000000000:function:f", None, me, "f", None);
        check("000000000000:function:f:1", None, me, "f", Some("1"));
        check("000000000000", None, None, "000000000000", None);
        check("us-east-1:000000000000:function:f", here, me, "f", None);
        check("arn:aws:lambda:us-east-1:000000000000:function:f", here, me, "f", None);
        check(
            "arn:aws-cn:lambda:cn-north-1:000000000000:function:f:2",
            Some("cn-north-1"),
            me,
            "f",
            Some("2"),
        );
        check(
            "arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:f",
            Some("us-gov-west-1"),
            me,
            "f",
            None,
        );
        for bad in [
            "",
            ":",
            "f:",
            "a b",
            "f:a:b:c",
            "arn:aws:s3:::f",
            "arn:aws:lambda:us-east-1:0:function:f",
            "f:p%q",
        ] {
            assert_eq!(Identifier::parse(bad), None, "{bad}");
        }
    }

    fn deployed() -> Option<Arc<FunctionVersion>> {
        Some(Arc::new(super::super::functions::tests::version("f", lambent_core::Runtime::Nodejs)))
    }

    fn find(text: &str, query: Option<&str>) -> Result<String, String> {
        let found =
            Identifier::of(text, query).and_then(|named| named.find(&NodeIdentity::default(), deployed()));
        found.map(|found| found.arn).map_err(|error| error.to_string())
    }

    #[test]
    fn only_what_was_named_is_found() {
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
        let check = |text: &str, query: Option<&str>, expect: Result<String, String>| {
            assert_eq!(find(text, query), expect, "{text} {query:?}");
        };
        check("f", None, Ok(arn.to_owned()));
        check("f", Some(""), Ok(arn.to_owned()));
        check("f", Some(LATEST), Ok(format!("{arn}:$LATEST")));
        check("f:$LATEST", Some(LATEST), Ok(format!("{arn}:$LATEST")));
        check(arn, None, Ok(arn.to_owned()));
        check("f:1", None, Err(format!("Function not found: {arn}:1")));
        check("f", Some("prod"), Err(format!("Function not found: {arn}:prod")));
        let abroad = arn.replace("us-east-1", "eu-west-1");
        check(&abroad, None, Err(format!("Function not found: {abroad}")));
        let other = arn.replace("000000000000", "111122223333");
        check(&other, None, Err(format!("Function not found: {other}")));
        let contradiction =
            "The derived qualifier from the function name does not match the specified qualifier.";
        check("f:1", Some("2"), Err(contradiction.to_owned()));
    }

    #[test]
    fn what_is_no_name_is_told_as_aws_tells_it() {
        let error = find("a b", None).unwrap_err();
        assert!(
            error.starts_with("1 validation error detected: Value 'a b' at 'functionName' failed"),
            "{error}"
        );
        let error = find("f", Some("a b")).unwrap_err();
        assert!(
            error.starts_with("1 validation error detected: Value 'a b' at 'qualifier' failed"),
            "{error}"
        );
    }
}
