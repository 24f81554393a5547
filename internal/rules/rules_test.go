package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/dot-do/kafka-embedded"

// allowed lists, for each package, the packages of this module that it may import: those below it.
var allowed = map[string][]string{
	"record":                   {"internal/seeded"},
	"internal/clock":           {},
	"internal/vfs":             {"internal/seeded"},
	"engine":                   {"record", "internal/clock"},
	"internal/codec":           {"engine", "record"},
	"index":                    {"internal/vfs", "internal/seeded"},
	"internal/journal":         {"engine", "internal/vfs"},
	"segment":                  {"engine", "index", "record", "internal/vfs", "internal/seeded"},
	"log":                      {"engine", "index", "record", "segment", "internal/clock", "internal/vfs", "internal/seeded"},
	"group":                    {"engine", "internal/clock", "internal/seeded"},
	"txn":                      {"engine", "log", "record", "internal/clock", "internal/seeded"},
	"internal/local":           {"engine", "group", "index", "log", "record", "segment", "txn", "internal/clock", "internal/journal", "internal/vfs", "internal/seeded"},
	"stream":                   {"engine", "record", "internal/clock"},
	"stream/streamtest":        {"engine", "record", "stream", "internal/clock"},
	"internal/carry":           {"engine", "record", "internal/clock"},
	"internal/carry/carrytest": {"engine", "record"},
	"":                         {"engine", "record", "stream", "internal/clock", "internal/codec", "internal/local", "internal/seeded"},
	"testdata":                 {},
	"internal/rules":           {},
	"internal/seeded":          {},
	"internal/scenario":        {},
	"internal/brokertest":      {},
	"engine/enginetest":        {"engine", "record"},
}

// above lists what stands on top of the root package and may import anything below.
var above = []string{"cmd", "mock", "kafkatest", "examples", "cluster", "mirror", "forward"}

type file struct {
	dir, name string
	*ast.File
}

// files parses all Go files of the module, the bench module left out.
func files(t *testing.T, mode parser.Mode) (all []file) {
	t.Helper()
	root := os.DirFS(filepath.Join("..", ".."))
	require.NoError(t, fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (name == "bench" || strings.HasPrefix(d.Name(), ".") && name != ".") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_go127.go") {
			return nil // the parser of Go 1.26 does not know generic methods
		}
		b, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, b, mode)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if dir == "." {
			dir = ""
		}
		all = append(all, file{dir, name, f})
		return nil
	}))
	require.NotEmpty(t, all)
	return all
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

func imports(f file) (paths []string) {
	for _, s := range f.Imports {
		p, _ := strconv.Unquote(s.Path.Value)
		paths = append(paths, p)
	}
	return paths
}

// TestImportOrder keeps the layers apart: nothing imports upward.
func TestImportOrder(t *testing.T) {
	for _, f := range files(t, parser.ImportsOnly) {
		top, _, _ := strings.Cut(f.dir, "/")
		if isTest(f.name) || slices.Contains(above, top) {
			continue
		}
		below, known := allowed[f.dir]
		require.True(t, known, "%s: say in rules_test.go what package %q may import", f.name, f.dir)
		for _, p := range imports(f) {
			if within, ok := strings.CutPrefix(p, module); ok {
				require.Contains(t, below, strings.TrimPrefix(within, "/"), "%s imports upward", f.name)
			}
		}
	}
}

// TestNoStandardLog: the folder log shares its name with the standard library's package, which nothing here uses.
func TestNoStandardLog(t *testing.T) {
	for _, f := range files(t, parser.ImportsOnly) {
		require.NotContains(t, imports(f), "log", f.name)
	}
}

// TestOnlyTheClockReadsTheTime: what reads the time by itself cannot be tested without waiting.
func TestOnlyTheClockReadsTheTime(t *testing.T) {
	forbidden := []string{"Now", "Sleep", "After", "NewTimer", "AfterFunc", "Tick", "NewTicker", "Since", "Until"}
	for _, f := range files(t, parser.SkipObjectResolution) {
		if f.dir == "internal/clock" || strings.HasPrefix(f.dir, "cmd/") || strings.HasPrefix(f.dir, "examples") || isTest(f.name) {
			continue
		}
		for _, use := range selectors(f.File, "time") {
			require.NotContains(t, forbidden, use, "%s uses time.%s", f.name, use)
		}
	}
}

// TestNoSleepInTests: a test that sleeps is slow when it passes and flaky when it does not.
func TestNoSleepInTests(t *testing.T) {
	for _, f := range files(t, parser.SkipObjectResolution) {
		if isTest(f.name) {
			require.NotContains(t, selectors(f.File, "time"), "Sleep", f.name)
		}
	}
}

func selectors(f *ast.File, pkg string) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == pkg {
				names = append(names, s.Sel.Name)
			}
		}
		return true
	})
	return names
}

// TestEverythingExportedIsDocumented checks packages that users see.
func TestEverythingExportedIsDocumented(t *testing.T) {
	for _, f := range files(t, parser.ParseComments|parser.SkipObjectResolution) {
		if isTest(f.name) || strings.HasPrefix(f.dir, "cmd/") || strings.HasPrefix(f.dir, "examples") {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !implements(d) {
					require.NotNil(t, d.Doc, "%s: %s has no documentation", f.name, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() {
						require.True(t, d.Doc != nil || ts.Doc != nil, "%s: %s has no documentation", f.name, ts.Name.Name)
					}
				}
			}
		}
	}
}

// implements reports whether a method's meaning is fixed by an interface of the standard library.
func implements(d *ast.FuncDecl) bool {
	return d.Recv != nil && slices.Contains([]string{"Error", "String", "Unwrap", "Write", "Read", "WriteByte"}, d.Name.Name)
}

func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	exported := true
	ast.Inspect(d.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			exported = exported && id.IsExported()
			return false
		}
		return true
	})
	return exported
}
