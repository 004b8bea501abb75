use proptest::prelude::*;

use crate::tlog::{
    Hash, RecentTree, Subtrees, TILE_WIDTH, TileId, TilePath, Tiles, Tree, WholeTree, consistency, inclusion,
    needed_for_consistency, needed_for_inclusion, root, verify_consistency, verify_inclusion,
};

/// RFC 9162, section 2.1.1, word by word.
fn naive(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [one] => *one,
        more => {
            let split = more.len().next_power_of_two() / 2;
            Hash::node(&naive(&more[..split]), &naive(&more[split..]))
        }
    }
}

struct Leaves(Vec<Hash>);

impl Leaves {
    fn of(count: u64) -> Self {
        Self((0..count).map(|n| Hash::leaf(&n.to_be_bytes())).collect())
    }

    fn root(&self, size: u64) -> Hash {
        naive(&self.0[..size as usize])
    }

    /// The tiles of these ids, as a server would have them.
    fn tiles(&self, ids: impl IntoIterator<Item = TileId>) -> Tiles {
        let mut tiles = Tiles::new();
        for id in ids {
            let bytes: Vec<u8> = (id.first()..id.first() + u64::from(id.width))
                .flat_map(|n| self.subtree(id.level * 8, n).expect("the tile is within the tree").0)
                .collect();
            tiles.insert(id, &bytes).expect("it is of its width");
        }
        tiles
    }
}

impl Subtrees for Leaves {
    fn subtree(&self, level: u8, index: u64) -> Option<Hash> {
        let (from, to) = ((index << level) as usize, ((index + 1) << level) as usize);
        self.0.get(from..to).map(naive)
    }
}

/// The roots over the first n of eight leaves, as other implementations of RFC 6962 have them in their tests.
#[test]
fn the_roots_are_those_of_the_others() {
    let leaves: [&[u8]; 8] = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut tree = Tree::new();
    assert_eq!(hex(tree.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (leaf, root) in leaves.iter().zip(roots) {
        tree.push(Hash::leaf(leaf));
        assert_eq!(hex(tree.root()), root);
    }
}

fn hex(hash: Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_tree_remembers_how_it_was_lately() {
    let leaves = Leaves::of(9_000);
    let mut start = Tree::new();
    leaves.0[..300].iter().for_each(|leaf| start.push(*leaf));
    let mut recent = RecentTree::new(start);
    assert_eq!(recent.at(300).unwrap().root(), leaves.root(300));
    assert!(recent.at(299).is_none() && recent.at(301).is_none());
    leaves.0[300..].iter().for_each(|leaf| recent.push(*leaf));
    assert_eq!(recent.now().root(), leaves.root(9_000));
    for size in [9_000, 8_999, 8_193, 8_192, 8_191, 4_096, 1_600] {
        assert_eq!(recent.at(size).unwrap().root(), leaves.root(size), "{size}");
    }
    assert!(recent.at(300).is_none() && recent.at(9_001).is_none());
}

/// Every proof of every small tree.
#[test]
fn small_trees_are_proven_whole() {
    const MOST: u64 = 70;
    let leaves = Leaves::of(MOST);
    for size in 0..=MOST {
        let root = leaves.root(size);
        for index in 0..size {
            let proof = inclusion(&leaves, index, size).unwrap();
            verify_inclusion(leaves.0[index as usize], index, size, &proof, root).unwrap();
            verify_inclusion(Hash::leaf(b"x"), index, size, &proof, root).unwrap_err();
        }
        inclusion(&leaves, size, size).unwrap_err();
        for old in 0..=size {
            let before = leaves.root(old);
            let proof = consistency(&leaves, old, size).unwrap();
            verify_consistency(old, before, size, root, &proof).unwrap();
            verify_consistency(old, Hash::leaf(b"x"), size, root, &proof).unwrap_err();
            if old > 0 && old < size {
                verify_consistency(old, before, size, Hash::leaf(b"x"), &proof).unwrap_err();
                for other in 1..proof.len() {
                    verify_consistency(old, before, size, root, &proof[..other]).unwrap_err();
                }
                let mut longer = proof.clone();
                longer.push(Hash::empty());
                verify_consistency(old, before, size, root, &longer).unwrap_err();
            }
        }
        consistency(&leaves, size + 1, size).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_tree_that_grows_is_the_naive_one(size in 0_u64..700, stop in 0_u64..700) {
        let leaves = Leaves::of(size);
        let mut tree = Tree::new();
        for (at, leaf) in leaves.0.iter().enumerate() {
            if at as u64 == stop {
                tree = serde_json::from_str(&serde_json::to_string(&tree).unwrap()).unwrap();
            }
            tree.push(*leaf);
        }
        let mut whole = WholeTree::new();
        leaves.0.iter().for_each(|leaf| whole.push(*leaf));
        prop_assert_eq!((whole.size(), root(&whole, size).unwrap()), (size, leaves.root(size)));
        prop_assert_eq!(root(&whole, size / 2).unwrap(), leaves.root(size / 2));
        prop_assert_eq!(tree.size(), size);
        prop_assert_eq!(tree.root(), leaves.root(size));
        prop_assert!(Tree::from_edge(size + 1, tree.edge().to_vec()).is_err() || size.count_ones() == (size + 1).count_ones());
    }

    #[test]
    fn tiles_are_enough_for_every_proof(size in 1_u64..70_000, index in any::<u64>(), old in any::<u64>()) {
        let leaves = Leaves::of(size);
        let (index, old) = (index % size, old % (size + 1));
        let root = leaves.root(size);

        let tiles = leaves.tiles(needed_for_inclusion(index, size).unwrap());
        let proof = inclusion(&tiles, index, size).unwrap();
        prop_assert!(verify_inclusion(leaves.0[index as usize], index, size, &proof, root).is_ok());

        let needed = needed_for_consistency(old, size).unwrap();
        prop_assert!(needed.iter().all(|tile| tile.width > 0));
        let proof = consistency(&leaves.tiles(needed), old, size).unwrap();
        prop_assert!(verify_consistency(old, leaves.root(old), size, root, &proof).is_ok());
    }

    #[test]
    fn an_edited_proof_proves_nothing(size in 2_u64..300, index in any::<u64>(), at in any::<prop::sample::Index>(), bit in 0_usize..256) {
        let leaves = Leaves::of(size);
        let index = index % size;
        let mut proof = inclusion(&leaves, index, size).unwrap();
        let at = at.index(proof.len());
        proof[at].0[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(verify_inclusion(leaves.0[index as usize], index, size, &proof, leaves.root(size)).is_err());
    }

    #[test]
    fn a_tiles_path_is_its_only_one(level in 0_u8..64, index in any::<u64>(), width in 1_u16..=256) {
        for path in [TilePath::Hashes(TileId { level, index, width }), TilePath::Entries(TileId { level: 0, index, width })] {
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }
    }
}

#[test]
fn tiles_are_as_wide_as_the_tree_makes_them() {
    // The example of C2SP tlog-tiles.
    let at = |level, index| TileId::at(level, index, 70_000).width;
    assert_eq!((at(0, 272), at(0, 273), at(1, 0), at(1, 1), at(2, 0)), (256, 112, 256, 17, 1));
    assert_eq!((at(0, 274), at(1, 2), at(3, 0)), (0, 0, 0));
    assert_eq!(TileId::at(0, 0, TILE_WIDTH).width, 256);
    assert_eq!(TileId::at(1, 0, TILE_WIDTH).width, 1);

    let path = TilePath::Hashes(TileId { level: 0, index: 1_234_067, width: 256 });
    assert_eq!(path.to_string(), "tile/0/x001/x234/067");
    for wrong in [
        "tile/0/x001/234/067",
        "tile/0/1",
        "tile/00/001",
        "tile/0/x000/001",
        "tile/0/001.p/256",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/64/001",
        "tile/0/+01",
        "tile/0/",
        "tile/x/001",
        "tile/0/001/",
        "",
    ] {
        assert!(wrong.parse::<TilePath>().is_err(), "{wrong}");
    }
}
