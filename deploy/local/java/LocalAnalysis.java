import java.util.Map;
import org.apache.lucene.analysis.Analyzer;
import org.apache.lucene.analysis.TokenStream;
import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.apache.lucene.analysis.es.SpanishAnalyzer;
import org.apache.lucene.analysis.miscellaneous.ASCIIFoldingFilter;
import org.elasticsearch.index.analysis.AbstractIndexAnalyzerProvider;
import org.elasticsearch.index.analysis.AbstractTokenFilterFactory;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.NormalizingTokenFilterFactory;
import org.elasticsearch.index.analysis.TokenFilterFactory;
import org.elasticsearch.indices.analysis.AnalysisModule.AnalysisProvider;
import org.elasticsearch.plugins.AnalysisPlugin;
import org.elasticsearch.plugins.Plugin;

/**
 * The analysis that our index templates name and the bare node lacks, under Elasticsearch's own names, so that a
 * template means the same here and on a full cluster.
 */
public final class LocalAnalysis extends Plugin implements AnalysisPlugin {
  @Override
  public Map<String, AnalysisProvider<AnalyzerProvider<? extends Analyzer>>> getAnalyzers() {
    return Map.of(
        "english", (index, environment, name, settings) -> new Ready(name, new EnglishAnalyzer()),
        "spanish", (index, environment, name, settings) -> new Ready(name, new SpanishAnalyzer()));
  }

  @Override
  public Map<String, AnalysisProvider<TokenFilterFactory>> getTokenFilters() {
    return Map.of(
        "asciifolding",
        (index, environment, name, settings) ->
            new Folding(name, settings.getAsBoolean("preserve_original", false)));
  }

  private static final class Ready extends AbstractIndexAnalyzerProvider<Analyzer> {
    private final Analyzer analyzer;

    Ready(String name, Analyzer analyzer) {
      super(name);
      this.analyzer = analyzer;
    }

    @Override
    public Analyzer get() {
      return analyzer;
    }
  }

  /** Folding changes characters, not words: normalizers, wildcard and prefix queries may pass through it. */
  private static final class Folding extends AbstractTokenFilterFactory
      implements NormalizingTokenFilterFactory {
    private final boolean preserveOriginal;

    Folding(String name, boolean preserveOriginal) {
      super(name);
      this.preserveOriginal = preserveOriginal;
    }

    @Override
    public TokenStream create(TokenStream tokens) {
      return new ASCIIFoldingFilter(tokens, preserveOriginal);
    }
  }
}
