// Check reads a log and its receipts with Go's own code for signed notes and transparency logs,
// golang.org/x/mod/sumdb/note and sumdb/tlog. It shares nothing with Linekeeper but the formats.
//
//	check log VKEY FOLDER         every entry against the tiles, the tiles against the signed root
//	check rederive VKEY FOLDER    the root from the entries alone, against the signed root
//	check receipts VKEY           base64 of a receipt on each line of standard input: 1 or 0 for each
package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const width = 256

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: check log|rederive|receipts VKEY [FOLDER]")
	}
	verifier, err := note.NewVerifier(args[1])
	if err != nil {
		return err
	}
	switch {
	case args[0] == "log" && len(args) == 3:
		return checkLog(verifier, args[2])
	case args[0] == "rederive" && len(args) == 3:
		return rederive(verifier, args[2])
	case args[0] == "receipts":
		return checkReceipts(verifier)
	}
	return errors.New("usage: check log|rederive|receipts VKEY [FOLDER]")
}

// ---------------------------------------------------------------- checkpoints

// openCheckpoint gives the tree that a signed note tells, if this key alone has signed it.
func openCheckpoint(data []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	if len(opened.UnverifiedSigs) > 0 {
		return tlog.Tree{}, errors.New("a signature by an unknown key")
	}
	for _, signature := range opened.Sigs {
		if _, err := decode(signature.Base64); err != nil {
			return tlog.Tree{}, err
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tlog.Tree{}, errors.New("not a checkpoint of this log")
	}
	size, err := decimal(lines[1])
	if err != nil {
		return tlog.Tree{}, err
	}
	hash, err := decodeHash(lines[2])
	return tlog.Tree{N: size, Hash: hash}, err
}

func decimal(text string) (int64, error) {
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil || strconv.FormatInt(value, 10) != text || value < 0 {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return value, nil
}

// decode accepts the one right spelling of some bytes in base64.
func decode(text string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && base64.StdEncoding.EncodeToString(data) != text {
		err = errors.New("base64 in another spelling")
	}
	return data, err
}

func decodeHash(text string) (hash tlog.Hash, err error) {
	data, err := decode(text)
	if err == nil && len(data) != len(hash) {
		err = errors.New("a hash of another length")
	}
	copy(hash[:], data)
	return hash, err
}

// ---------------------------------------------------------------- logs

// folder reads tiles in the layout of c2sp.org/tlog-tiles.
type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	all := make([][]byte, len(tiles))
	for at, tile := range tiles {
		data, err := f.read(strconv.Itoa(tile.L), tile.N, tile.W)
		if err != nil {
			return nil, err
		}
		all[at] = data
	}
	return all, nil
}

func (f folder) read(level string, n int64, w int) ([]byte, error) {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if w < width {
		path += ".p/" + strconv.Itoa(w)
	}
	return os.ReadFile(filepath.Join(string(f), "tile", level, path))
}

// bundle gives the entries of one entry bundle.
func (f folder) bundle(tile int64, size int64) ([][]byte, error) {
	count := size - tile*width
	if count > width {
		count = width
	}
	data, err := f.read("entries", tile, int(count))
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) >= 2 {
		length := int(binary.BigEndian.Uint16(data))
		if len(data) < 2+length {
			break
		}
		entries = append(entries, data[2:2+length])
		data = data[2+length:]
	}
	if len(data) > 0 || int64(len(entries)) != count {
		return nil, fmt.Errorf("entry bundle %d is cut short", tile)
	}
	return entries, nil
}

func (f folder) tree(verifier note.Verifier) (tlog.Tree, error) {
	data, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	if err != nil {
		return tlog.Tree{}, err
	}
	return openCheckpoint(data, verifier)
}

func checkLog(verifier note.Verifier, path string) error {
	f := folder(path)
	tree, err := f.tree(verifier)
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, f)
	for tile := int64(0); tile*width < tree.N; tile++ {
		entries, err := f.bundle(tile, tree.N)
		if err != nil {
			return err
		}
		indexes := make([]int64, len(entries))
		for at := range entries {
			indexes[at] = tlog.StoredHashIndex(0, tile*width+int64(at))
		}
		told, err := hashes.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for at, entry := range entries {
			if tlog.RecordHash(entry) != told[at] {
				return fmt.Errorf("entry %d is not the one in the tree", tile*width+int64(at))
			}
		}
	}
	fmt.Println(tree.N)
	return nil
}

// stored keeps all hashes of a growing tree in memory, as Go's tlog numbers them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		found[at] = s[index]
	}
	return found, nil
}

func rederive(verifier note.Verifier, path string) error {
	f := folder(path)
	tree, err := f.tree(verifier)
	if err != nil {
		return err
	}
	start := time.Now()
	var hashes stored
	for tile := int64(0); tile*width < tree.N; tile++ {
		entries, err := f.bundle(tile, tree.N)
		if err != nil {
			return err
		}
		for at, entry := range entries {
			more, err := tlog.StoredHashes(tile*width+int64(at), entry, hashes)
			if err != nil {
				return err
			}
			hashes = append(hashes, more...)
		}
	}
	root, err := tlog.TreeHash(tree.N, hashes)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the entries do not give the signed root")
	}
	fmt.Printf("%d %.6f\n", tree.N, time.Since(start).Seconds())
	return nil
}

// ---------------------------------------------------------------- receipts

func checkReceipts(verifier note.Verifier) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		data, err := decode(lines.Text())
		if err != nil {
			return err
		}
		if checkReceipt(data, verifier) == nil {
			fmt.Fprintln(out, 1)
		} else {
			fmt.Fprintln(out, 0)
		}
	}
	return lines.Err()
}

func checkReceipt(data []byte, verifier note.Verifier) error {
	gap := bytes.Index(data, []byte("\n\n"))
	if gap < 0 {
		return errors.New("no checkpoint")
	}
	lines := strings.Split(string(data[:gap]), "\n")
	if len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" ||
		!strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("not a receipt")
	}
	extra, err := decode(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	if len(extra) < 34 || extra[0] != 1 {
		return errors.New("not a record of this log")
	}
	index, err := decimal(lines[2][len("index "):])
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := decodeHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	tree, err := openCheckpoint(data[gap+2:], verifier)
	if err != nil {
		return err
	}
	commitment := hmac.New(sha256.New, extra[2:34])
	commitment.Write(extra[34:])
	entry := commitment.Sum(append([]byte{}, extra[:2]...))
	return tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry))
}
