package main

import (
	"github.com/spf13/cobra"
)

func verifyCommand(s *shared) *cobra.Command { return &cobra.Command{Use: "verify"} }
