package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/a5bbb083/redlock/cmd/internal/doctor"
	"github.com/a5bbb083/redlock/cmd/internal/results"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/chaos"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/check"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/history"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/nemesis"
	"github.com/a5bbb083/redlock/cmd/redlock-bench/internal/report"
)

// object is a piece of a JSON Schema.
type object = map[string]any

// writer makes a JSON Schema of Go types: of their fields, and of the comments that these have.
type writer struct {
	t        *testing.T
	defs     object
	comments map[string]map[string]string // by package and "Type" or "Type.Field"
}

// schema describes all files that the commands write.
func schema(t *testing.T) object {
	w := writer{t, object{}, map[string]map[string]string{}}
	root := func(v any, kind results.Kind) object {
		ref := w.of(reflect.TypeOf(v))
		def := w.defs[strings.TrimPrefix(ref["$ref"].(string), "#/$defs/")].(object)
		if kind != "" {
			def["properties"].(object)["kind"] = object{"const": kind}
		}
		return ref
	}
	return object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "Results of redlock-bench and redlock",
		"description": "What run --json, chaos --json, chaos --claims --json and doctor --json write, and the history of one experiment, which judge reads, too. Version 1. A version only ever gains fields, so ignore those that you don't know.",
		"anyOf": []any{root(report.Report{}, results.Run), root(chaos.Report{}, results.Chaos), root(chaos.Campaign{}, results.Claims),
			root(doctor.Report{}, results.Doctor), root(history.History{}, "")},
		"$defs": w.defs,
	}
}

// of describes a type.
func (w writer) of(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return object{"type": "integer"}
	case reflect.TypeFor[check.Verdict]():
		return object{"enum": []any{check.Held, check.Violated, check.Unknown, check.None, "any"}}
	}
	switch t.Kind() {
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Int, reflect.Int64:
		return object{"type": "integer"}
	case reflect.Float64:
		return object{"type": "number"}
	case reflect.Pointer:
		return w.of(t.Elem())
	case reflect.Slice:
		return object{"type": []any{"array", "null"}, "items": w.of(t.Elem())} // an empty one may be null
	case reflect.Map:
		return object{"type": "object", "additionalProperties": w.of(t.Elem())}
	case reflect.Struct:
		name := t.String() // such as "report.Result"
		if _, done := w.defs[name]; !done {
			w.defs[name] = object{} // it may contain itself
			properties, required := object{}, []any{}
			w.addFields(t, properties, &required)
			if t == reflect.TypeFor[nemesis.Fault]() { // which writes these itself
				for _, field := range []string{"at", "for", "by"} {
					properties[field] = object{"type": "string", "description": "A duration as Go writes it, such as 1.5s."}
				}
			}
			w.defs[name] = object{"type": "object", "description": w.comment(t, ""), "properties": properties, "required": required}
		}
		return object{"$ref": "#/$defs/" + name}
	}
	require.Fail(w.t, "no schema for a "+t.String())
	return nil
}

// addFields adds the fields of a struct; those of an embedded one are its own.
func (w writer) addFields(t reflect.Type, properties object, required *[]any) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			w.addFields(f.Type, properties, required)
			continue
		case !f.IsExported() || name == "-":
			continue
		}
		require.NotEmpty(w.t, name, "%v.%s has no name in JSON", t, f.Name)
		property := w.of(f.Type)
		if f.Type.Kind() == reflect.Pointer && options == "" {
			property = object{"anyOf": []any{property, object{"type": "null"}}}
		}
		if said := w.comment(t, f.Name); said != "" {
			property["description"] = said
		}
		properties[name] = property
		if options == "" {
			*required = append(*required, name)
		}
	}
}

// comment is what the source says of a type, or of a field of it.
func (w writer) comment(t reflect.Type, field string) string {
	if w.comments[t.PkgPath()] == nil {
		w.comments[t.PkgPath()] = comments(w.t, t.PkgPath())
	}
	return w.comments[t.PkgPath()][strings.TrimSuffix(t.Name()+"."+field, ".")]
}

func comments(t *testing.T, path string) map[string]string {
	all := make(map[string]string)
	dir := filepath.Join("../..", strings.TrimPrefix(path, "github.com/a5bbb083/redlock/"))
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	words := func(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
	for _, name := range files {
		source, err := os.ReadFile(name)
		require.NoError(t, err)
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ParseComments)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			d, ok := n.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				return true
			}
			spec := d.Specs[0].(*ast.TypeSpec)
			all[spec.Name.Name] = words(d.Doc)
			fields, ok := spec.Type.(*ast.StructType)
			if !ok {
				return true
			}
			for _, f := range fields.Fields.List {
				for _, name := range f.Names {
					all[spec.Name.Name+"."+name.Name] = strings.TrimSpace(words(f.Doc) + " " + words(f.Comment))
				}
			}
			return true
		})
	}
	return all
}
