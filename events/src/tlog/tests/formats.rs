use crate::tlog::{
    Checkpoint, CheckpointError, Cosigner, Hash, KeyError, Note, NoteError, ProofFile, ProofFileError,
    Signer, Tree, Unsigned, Usage, VerifierKey,
};
use crate::{SignerId, SigningKey};

/// A checkpoint of a public log with the words of its witnesses, as it was served.
const PUBLIC: &str = "arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
— witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
— remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
";
const PUBLIC_LOG: &str =
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f";
const PUBLIC_WITNESS: &str = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";

fn signer(name: &str, seed: &[u8; 32]) -> Signer {
    let key = SigningKey::from_seed(SignerId::new(uuid::Uuid::nil()), seed).unwrap();
    Signer::new(name, key).unwrap()
}

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

#[test]
fn a_public_logs_checkpoint_and_its_witness_are_believed() {
    let note: Note = PUBLIC.parse().unwrap();
    assert_eq!(note.to_string(), PUBLIC);
    let keys = [key(PUBLIC_LOG), key(PUBLIC_WITNESS)];
    let checkpoint = Checkpoint::open(&note, "arche2025h1.staging.ct.transparency.dev", &keys).unwrap();
    assert_eq!(checkpoint.size, 1_432_088_532);
    let cosignatures = note.cosignatures(&keys).unwrap();
    assert_eq!(cosignatures.len(), 1);
    assert_eq!((cosignatures[0].key.name(), cosignatures[0].timestamp), ("remora.n621.de", 0x6a12_2120));

    let edited: Note = PUBLIC.replace("1432088532", "1432088533").parse().unwrap();
    assert!(matches!(edited.verify(&keys), Err(NoteError::Wrong(_))));
    assert!(matches!(edited.cosignatures(&keys), Err(NoteError::Wrong(_))));
    assert_eq!(note.verify(&[key(PUBLIC_WITNESS)]), Err(NoteError::UnknownKey));
    // As after a rotation of the log's key.
    let before = VerifierKey::new(keys[0].name(), Usage::Note, [7; 32]).unwrap();
    assert_eq!(note.verify(&[before]), Err(NoteError::OtherKey(keys[0].name().to_owned())));
    assert!(matches!(
        Checkpoint::open(&note, "keyledger.log/other", &keys),
        Err(CheckpointError::Origin { .. })
    ));
}

/// The vector of Go's sumdb/note.
#[test]
fn a_note_is_signed_as_go_signs_it() {
    let seed: [u8; 32] = {
        use base64::Engine;
        let secret = base64::engine::general_purpose::STANDARD
            .decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
            .unwrap();
        secret[1..].try_into().unwrap()
    };
    let signer = signer("PeterNeumann", &seed);
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    assert_eq!(signer.verifier().to_string(), text);
    let note = Note::sign(
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
            .to_owned(),
        &signer,
    );
    assert!(note.to_string().ends_with(
        "\n\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    ));
    assert_eq!(note.verify(&[key(text)]).unwrap(), [&key(text)]);
}

#[test]
fn a_key_has_one_text() {
    for (wrong, why) in [
        (PUBLIC_LOG.replace("ba2f06c0", "ba2f06c1"), KeyError::Id),
        (PUBLIC_LOG.replace("ba2f06c0", "BA2F06C0"), KeyError::Id),
        (PUBLIC_LOG.replace("arche", "arch e"), KeyError::Name),
        (PUBLIC_LOG.replace("+AU0", "+AE0"), KeyError::Type),
        (PUBLIC_LOG.replace("h15f", "h1"), KeyError::Form),
        ("no key".to_owned(), KeyError::Form),
    ] {
        assert_eq!(wrong.parse::<VerifierKey>(), Err(why), "{wrong}");
    }
    assert_eq!(key(PUBLIC_WITNESS).usage(), Usage::Cosignature);
}

#[test]
fn what_is_no_note_is_refused() {
    for wrong in [
        "",
        "text\n",
        "text\n\n",
        "text\n\n\u{2014} name",
        "text\n\n\u{2014} name AAAAAAA=",
        "text\n\n- name AAAAAAA=\n",
        "te\rxt\n\n\u{2014} name AAAAAAA=\n",
        "text\n\n\u{2014} name AAAA\n",
    ] {
        assert!(wrong.parse::<Note>().is_err(), "{wrong:?}");
    }
    for wrong in ["origin\n1\n", "origin\n01\n", "\n1\nAAAA\n", "origin\n1\nAAAA\n"] {
        assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_checkpoint_tells_which_signatures_are_not_good() {
    let head = format!("keyledger.log/one/0\n300\n{}\n", Hash::leaf(b"one"));
    let told = |lines: &str| format!("{head}{lines}").parse::<Checkpoint>().map(|it| it.unsigned);
    let these = |told: &[u64]| Ok(Unsigned::These(told.to_vec()));
    assert_eq!(told(""), Ok(Unsigned::Untold));
    // Of others, such as witnesses meet them.
    assert_eq!(told("something else\n"), Ok(Unsigned::Untold));
    assert_eq!(told("keyledger-unsigned none\n"), these(&[]));
    assert_eq!(told("before\nkeyledger-unsigned 4 17 300\nafter\n"), these(&[4, 17, 300]));
    assert_eq!(told("keyledger-unsigned many\n"), Ok(Unsigned::Many));
    let long: Vec<String> = (1..=65).map(|n: u64| n.to_string()).collect();
    for wrong in [
        "\n",
        "keyledger-unsigned \n",
        "keyledger-unsigned 0\n",
        "keyledger-unsigned 4 4\n",
        "keyledger-unsigned 5 4\n",
        "keyledger-unsigned 04\n",
        "keyledger-unsigned 4  5\n",
        "keyledger-unsigned 301\n",
        "keyledger-unsigned none\nkeyledger-unsigned 4\n",
        &format!("keyledger-unsigned {}\n", long.join(" ")),
    ] {
        assert_eq!(told(wrong), Err(CheckpointError::Form), "{wrong:?}");
    }

    let mut unsigned = Unsigned::none();
    assert!(unsigned.vouches_for(1));
    for sequence in 1..=64 {
        unsigned.add(sequence);
        let checkpoint = Checkpoint {
            origin: "keyledger.log/one/0".to_owned(),
            size: 300,
            root: Hash::leaf(b"one"),
            unsigned: unsigned.clone(),
        };
        assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
        assert!(!unsigned.vouches_for(sequence) && unsigned.vouches_for(sequence + 1));
    }
    // It counts by the key that signs now alone.
    let origin = "keyledger.log/one/0";
    let (now, retired) = (signer(origin, &[1; 32]), signer(origin, &[2; 32]));
    let keys = [retired.verifier().clone(), now.verifier().clone()];
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: 300, root: Hash::leaf(b"one"), unsigned };
    let by = |it: &Signer| Checkpoint::open_judged(&checkpoint.sign(it), origin, &keys, &keys[1]).unwrap();
    assert_eq!(by(&now), checkpoint);
    assert_eq!(by(&retired), Checkpoint { unsigned: Unsigned::Untold, ..checkpoint.clone() });
    let stranger = signer(origin, &[3; 32]);
    assert!(Checkpoint::open_judged(&checkpoint.sign(&stranger), origin, &keys, &keys[1]).is_err());

    let mut unsigned = checkpoint.unsigned;
    unsigned.add(65);
    assert_eq!(unsigned, Unsigned::Many);
    assert!(!unsigned.vouches_for(300) && !Unsigned::Untold.vouches_for(300));
}

#[test]
fn a_proof_is_kept_and_checked_without_the_log() {
    let signer = signer("keyledger.log/one/0", &[1; 32]);
    let witness = Cosigner::from_seed("witness.example", &[2; 32]).unwrap();
    let mut tree = Tree::new();
    tree.push(Hash::leaf(b"first"));
    tree.push(Hash::leaf(b"second"));
    let checkpoint = Checkpoint {
        origin: "keyledger.log/one/0".to_owned(),
        size: 2,
        root: tree.root(),
        unsigned: Unsigned::none(),
    };
    let mut note = checkpoint.sign(&signer);
    note.add(witness.cosign(note.text(), 1_700_000_000));
    let file = ProofFile {
        entry: Some(b"second".to_vec()),
        index: 1,
        proof: vec![Hash::leaf(b"first")],
        checkpoint: note,
    };
    let text = file.to_string();
    assert_eq!(text.parse(), Ok(file.clone()));

    let keys = [signer.verifier().clone(), witness.verifier().clone()];
    assert_eq!(file.verify("keyledger.log/one/0", &keys), Ok(checkpoint));
    assert_eq!(file.checkpoint.cosignatures(&keys).unwrap()[0].timestamp, 1_700_000_000);
    assert!(file.verify_entry(b"other", "keyledger.log/one/0", &keys).is_err());
    assert!(file.verify("keyledger.log/two/0", &keys).is_err());
    assert!(file.verify("keyledger.log/one/0", &keys[1..]).is_err());
    let bare = ProofFile { entry: None, ..file };
    assert_eq!(bare.verify("keyledger.log/one/0", &keys), Err(ProofFileError::NoEntry));
    assert_eq!(bare.to_string().parse(), Ok(bare));
    for wrong in [
        text.replace("tlog-proof@v1", "tlog-proof@v2"),
        text.replace("index 1", "index 01"),
        text.replace("index 1\n", ""),
        text.replace("extra ", "extra!"),
    ] {
        assert!(wrong.parse::<ProofFile>().is_err(), "{wrong}");
    }
}
