//! Buckets on a disk, without a protocol.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;

struct Rig {
    folder: PathBuf,
    buckets: Buckets,
    name: BucketName,
}

impl Rig {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("lambent-buckets-{:032x}", fastrand::u128(..)));
        let buckets = Buckets::open(&folder).unwrap();
        let name = BucketName::parse("reports").unwrap();
        buckets.create(&name, &BucketSpec::default(), at(5)).unwrap();
        Self { folder, buckets, name }
    }

    fn put(&self, key: &str, text: &str) {
        let mut draft = self.buckets.draft(&self.name).unwrap();
        draft.write(text.as_bytes()).unwrap();
        let head = ObjectHead { etag: text.to_owned(), ..ObjectHead::default() };
        self.buckets.put(&self.name, key, draft, head, |_| true).unwrap();
    }

    fn keys(&self, prefix: &str, delimiter: Option<&str>, most: usize) -> Vec<String> {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let asked = Listing {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                after: after.take(),
                most,
            };
            let page = self.buckets.list_objects(&self.name, &asked).unwrap();
            let mut entries: Vec<_> =
                page.objects.into_iter().map(|(key, _)| key).chain(page.groups).collect();
            entries.sort();
            assert!(entries.len() <= most);
            keys.extend(entries);
            after = page.next;
            if after.is_none() {
                return keys;
            }
        }
    }

    fn drafts(&self) -> usize {
        fs::read_dir(self.folder.join("reports/drafts")).unwrap().count()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.folder).ok();
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn objects_are_put_got_and_removed() {
    let rig = Rig::new();
    rig.put("a/b", "first");
    rig.put("a/b", "second");
    rig.put("a", "third");
    let object = rig.buckets.get(&rig.name, "a/b").unwrap();
    assert_eq!((object.head.size, object.read(1, 3).unwrap()), (6, b"eco".to_vec()));
    assert!(rig.buckets.remove(&rig.name, "a/b", |_| true).unwrap());
    assert!(!rig.buckets.remove(&rig.name, "a/b", |_| true).unwrap());
    assert!(matches!(rig.buckets.get(&rig.name, "a/b"), Err(Error::NoObject)));
    assert_eq!(object.read(0, 6).unwrap(), b"second", "what is open can be read to its end");
    assert_eq!(rig.keys("", None, 10), ["a"]);
    assert_eq!(fs::read_dir(rig.folder.join("reports/objects")).unwrap().count(), 1, "no empty folders");
    assert_eq!(rig.drafts(), 0);
}

#[test]
fn a_condition_decides_before_anything_is_changed() {
    let rig = Rig::new();
    rig.put("a", "first");
    let draft = rig.buckets.draft(&rig.name).unwrap();
    let put = rig.buckets.put(&rig.name, "a", draft, ObjectHead::default(), |there| there.is_none());
    assert!(matches!(put, Err(Error::Condition)));
    let removed = rig.buckets.remove(&rig.name, "a", |there| there.unwrap().etag == "x");
    assert!(matches!(removed, Err(Error::Condition)));
    assert_eq!(rig.buckets.get(&rig.name, "a").unwrap().head.etag, "first");
    assert_eq!(rig.drafts(), 0, "a refused draft goes");
}

#[test]
fn keys_are_listed_in_their_order_page_by_page() {
    let rig = Rig::new();
    let long = "l".repeat(300);
    let mut keys: Vec<String> = [
        "a", "a!", "a/", "a/b", "a/b/c", "a//", "a0", "b/1", "b/2", "é/x", ".", "..", "%", "/", "/x", "../up",
    ]
    .map(str::to_owned)
    .into();
    keys.extend([long.clone(), format!("{long}/x"), format!("{}/y", &long[..200]), long[..200].to_owned()]);
    for key in &keys {
        rig.put(key, key);
    }
    keys.sort();
    let naive = |prefix: &str, delimiter: Option<&str>| {
        let mut expect = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let group = delimiter.and_then(|d| Some((key[prefix.len()..].find(d)?, d.len())));
            let entry = group.map_or(key.as_str(), |(at, length)| &key[..prefix.len() + at + length]);
            if expect.last().is_none_or(|last| last != entry) {
                expect.push(entry.to_owned());
            }
        }
        expect
    };
    for prefix in ["", "a", "a/", "a/b", "b", "l", &long, "é", "é/", "z", "/", "."] {
        for delimiter in [None, Some("/"), Some("b"), Some("//")] {
            for most in [1, 2, 3, 100] {
                let found = rig.keys(prefix, delimiter, most);
                assert_eq!(found, naive(prefix, delimiter), "{prefix:?} {delimiter:?} {most}");
            }
        }
    }
    let from = |after: &str, delimiter: Option<&str>| {
        let asked = Listing {
            after: Some(after.to_owned()),
            delimiter: delimiter.map(str::to_owned),
            most: 2,
            ..Listing::default()
        };
        let page = rig.buckets.list_objects(&rig.name, &asked).unwrap();
        (page.objects.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), page.groups)
    };
    assert_eq!(from("a/b", None).0, ["a/b/c", "a0"]);
    assert_eq!(from("a/a", Some("/")), (vec!["a0".to_owned()], vec!["a/".to_owned()]));
    assert_eq!(from("a/", Some("/")), (vec!["a0".to_owned()], vec!["b/".to_owned()]));
}

#[test]
fn buckets_are_made_listed_and_removed() {
    let rig = Rig::new();
    let again = rig.buckets.create(&rig.name, &BucketSpec::default(), at(6));
    assert!(matches!(again, Err(Error::BucketExists)));
    let spec = BucketSpec { uploads_kept: Duration::from_secs(60) };
    rig.buckets.ensure(&rig.name, &spec, at(7)).unwrap();
    let about = Bucket { name: rig.name.clone(), made: at(5), spec };
    assert_eq!(rig.buckets.list().unwrap(), [about]);
    rig.put("a", "a");
    assert!(matches!(rig.buckets.delete(&rig.name), Err(Error::NotEmpty)));
    rig.buckets.remove(&rig.name, "a", |_| true).unwrap();
    let draft = rig.buckets.draft(&rig.name).unwrap();
    rig.buckets.delete(&rig.name).unwrap();
    assert!(matches!(rig.buckets.delete(&rig.name), Err(Error::NoBucket)));
    let late = rig.buckets.put(&rig.name, "a", draft, ObjectHead::default(), |_| true);
    assert!(matches!(late, Err(Error::NoBucket)));
    assert_eq!(fs::read_dir(&rig.folder).unwrap().count(), 0);
}

#[test]
fn uploads_are_kept_until_they_end_or_take_too_long() {
    let rig = Rig::new();
    let upload = Upload {
        key: "big".to_owned(),
        begun: 1000,
        headers: BTreeMap::new(),
        metadata: BTreeMap::new(),
        algorithm: None,
        whole: false,
    };
    let id = rig.buckets.begin_upload(&rig.name, &upload).unwrap();
    let part = |number, text: &str| {
        let mut draft = rig.buckets.draft(&rig.name).unwrap();
        draft.write(text.as_bytes()).unwrap();
        rig.buckets.put_part(&rig.name, &id, number, draft, ObjectHead::default())
    };
    part(2, "zwei").unwrap();
    part(1, "eins").unwrap();
    part(2, "two").unwrap();
    assert_eq!(rig.buckets.parts(&rig.name, &id).unwrap(), [1, 2]);
    let mut draft = rig.buckets.draft(&rig.name).unwrap();
    for number in [1, 2] {
        draft.append(&rig.buckets.part(&rig.name, &id, number).unwrap().unwrap()).unwrap();
    }
    rig.buckets.put(&rig.name, "big", draft, ObjectHead::default(), |_| true).unwrap();
    assert_eq!(rig.buckets.get(&rig.name, "big").unwrap().read(0, 7).unwrap(), b"einstwo");
    assert_eq!(rig.buckets.uploads(&rig.name).unwrap(), [(id.clone(), upload)]);
    assert!(matches!(rig.buckets.upload(&rig.name, &id, "other"), Err(Error::NoUpload)));
    for bad in ["", "../../reports/objects", &"A".repeat(32), &"0".repeat(32)] {
        assert!(matches!(rig.buckets.upload(&rig.name, bad, "big"), Err(Error::NoUpload)), "{bad}");
        assert!(matches!(rig.buckets.end_upload(&rig.name, bad), Err(Error::NoUpload)), "{bad}");
    }
    let due = at(1000).plus(BucketSpec::default().uploads_kept);
    assert_eq!(rig.buckets.remove_stale_uploads(due).unwrap(), 0);
    assert_eq!(rig.buckets.remove_stale_uploads(due.plus(Duration::from_secs(1))).unwrap(), 1);
    assert!(matches!(part(3, "x"), Err(Error::NoUpload)));
    assert!(matches!(rig.buckets.parts(&rig.name, &id), Err(Error::NoUpload)));
    assert_eq!(rig.drafts(), 0);
}

#[test]
fn what_was_being_written_goes_when_the_node_starts() {
    let rig = Rig::new();
    rig.put("a", "a");
    std::mem::forget(rig.buckets.draft(&rig.name).unwrap());
    fs::create_dir(rig.folder.join(".half")).unwrap();
    let again = Buckets::open(&rig.folder).unwrap();
    assert_eq!((rig.drafts(), again.list().unwrap().len()), (0, 1));
    assert!(!rig.folder.join(".half").exists());
    assert_eq!(again.get(&rig.name, "a").unwrap().head.size, 1);
}

#[test]
fn a_damaged_file_is_told_and_not_served() {
    let rig = Rig::new();
    rig.put("a", "abc");
    let path = rig.folder.join("reports/objects/a%o");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(matches!(rig.buckets.get(&rig.name, "a"), Err(Error::Disk { .. })), "{length}");
    }
}

#[test]
fn a_head_of_any_length_is_read() {
    let rig = Rig::new();
    for length in [0, 1, 1900, 2048, 5000, 100_000] {
        let mut draft = rig.buckets.draft(&rig.name).unwrap();
        draft.write(b"abc").unwrap();
        let head = ObjectHead { etag: "x".repeat(length), ..ObjectHead::default() };
        rig.buckets.put(&rig.name, "a", draft, head, |_| true).unwrap();
        assert_eq!(rig.buckets.get(&rig.name, "a").unwrap().head.etag.len(), length);
    }
}
